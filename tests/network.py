"""Several hosts on one machine: a network namespace each, and a switch between them.

Only root may make namespaces. What a test of several hosts shows needs them, so elsewhere it is
skipped, and where CI is set that is a failure.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)
NETWORK = "192.0.2"
"""Addresses of documentation (RFC 5737), which no real network has."""


class Network:
    """Hosts by their names. ``here`` is where the test itself is when it is on none of them."""

    def __init__(self, *names: str) -> None:
        self._names = names
        self._made = ExitStack()

    def address(self, name: str) -> str:
        """Of a host, in the network of all."""
        return f"{NETWORK}.{self._names.index(name) + 1}"

    def __enter__(self) -> "Network":
        with self._made as made:
            for name in ("switch", *self._names):
                _ip("netns", "add", self._space(name))
                made.callback(_ip, "netns", "delete", self._space(name))
                _ip("-n", self._space(name), "link", "set", "lo", "up")
            _ip("-n", self._space("switch"), "link", "add", "bridge", "type", "bridge")
            _ip("-n", self._space("switch"), "link", "set", "bridge", "up")
            for name in self._names:
                self._cable(name)
            self._made = made.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._made.close()

    @contextlib.contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Be on that host: this thread, and the threads and processes that it starts."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path("/run/netns", self._space(name)).open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def plug(self, name: str, state: str) -> None:
        """Have the cable of a host "up" or "down"; its other end, so that the host is not told."""
        _ip("-n", self._space("switch"), "link", "set", f"to-{name}", state)

    def _space(self, name: str) -> str:
        return f"hosts-{os.getpid()}-{name}"

    def _cable(self, name: str) -> None:
        switch, host = self._space("switch"), self._space(name)
        other_end = ("type", "veth", "peer", "eth0", "netns", host)
        _ip("-n", switch, "link", "add", f"to-{name}", *other_end)
        _ip("-n", switch, "link", "set", f"to-{name}", "master", "bridge", "up")
        _ip("-n", host, "address", "add", f"{self.address(name)}/24", "dev", "eth0")
        _ip("-n", host, "link", "set", "eth0", "up")


def can_be_had() -> bool:
    """Whether this machine lets us have one."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    name = f"hosts-{os.getpid()}-try"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    _ip("netns", "delete", name)
    return True


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)
