"""Two hosts on one machine: network namespaces with a cable between them, and certificates.

Only root may make namespaces. For others both hosts are this one, and the cable is its loopback
interface.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)

_CERTIFICATES = """
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = IP:{address}
"""


@dataclass(frozen=True)
class Hosts:
    """`address` is that of the server's host, and `within` runs a command there. `namespace` is
    the client's host and `cable` its end of that. All but the first are empty where there is one.
    """

    address: str
    within: tuple[str, ...] = ()
    namespace: str = ""
    cable: str = ""

    @contextlib.contextmanager
    def client(self) -> Iterator[None]:
        """Be on the client's host: this thread, and the threads and processes that it starts."""
        if not self.namespace:
            yield
            return
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path("/run/netns", self.namespace).open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def plug(self, state: str) -> None:
        """Have the cable "up" or "down"."""
        _ip("-n", self.namespace, "link", "set", self.cable, state)


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def two_hosts() -> Iterator[Hosts]:
    """Gone afterwards, with whatever still runs between them cut off."""
    server, client = (f"ci-{os.getpid()}-{name}" for name in ("server", "client"))
    if os.geteuid() != 0 or not shutil.which("ip") or not _make(server):
        yield Hosts("127.0.0.1")
        return
    try:
        _ip("netns", "add", client)
        cable = f"ci{os.getpid()}"
        _ip("-n", server, "link", "add", cable, "type", "veth", "peer", cable, "netns", client)
        # Addresses of documentation (RFC 5737), which no real network has.
        for namespace, address in ((server, "192.0.2.1"), (client, "192.0.2.2")):
            _ip("-n", namespace, "address", "add", f"{address}/24", "dev", cable)
            for link in ("lo", cable):
                _ip("-n", namespace, "link", "set", link, "up")
        within = ("ip", "netns", "exec", server)
        yield Hosts("192.0.2.1", within, client, cable)
    finally:
        for namespace in (server, client):
            if Path("/run/netns", namespace).exists():
                _ip("netns", "delete", namespace)


def _make(namespace: str) -> bool:
    """Whether that could be done: root in a container may lack the right."""
    try:
        _ip("netns", "add", namespace)
    except subprocess.CalledProcessError:
        return False
    return True


class Certificates:
    """An authority in `folder`, and what it has signed."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder / name
        self._folder.mkdir()
        self.authority = self._folder / "authority.pem"
        self._key = self._folder / "authority.key"
        self._make("authority", "authority", "", "-out", self.authority, "-keyout", self._key)

    def server(self, name: str, address: str) -> tuple[Path, Path]:
        """The files of a certificate for `address`, and of its key."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        signer = ("-CA", self.authority, "-CAkey", self._key)
        self._make(name, "server", address, *signer, "-out", certificate, "-keyout", key)
        return certificate, key

    def _make(self, name: str, kind: str, address: str, *options: str | Path) -> None:
        configuration = self._folder / f"{name}.cnf"
        text = _CERTIFICATES.format(address=address or "127.0.0.1")
        configuration.write_text(text)
        subject = ("-subj", f"/CN={name}", "-config", configuration, "-extensions", kind)
        new = ("-x509", "-days", "2", "-nodes", "-newkey", "ec")
        curve = ("-pkeyopt", "ec_paramgen_curve:P-256")
        subprocess.run(
            ["openssl", "req", *new, *curve, *subject, *options], check=True, capture_output=True
        )


def free_port() -> int:
    """One of this thread's host that nobody listens on."""
    with socket.create_server(("", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
