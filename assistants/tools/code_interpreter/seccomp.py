"""The system call filter of a sandbox, assembled here so that no library stands between the rules
and the kernel.

`program(machine)` gives classic BPF as bubblewrap's --seccomp reads it: 8 bytes an instruction. The
rules:

- A call in another calling convention than the machine's own (i386 on x86-64) ends the process.
- A call that `syscalls.py` does not list does not exist: ENOSYS, so that libraries take their
  fallbacks. clone3 is among them, whose flags a filter cannot read.
- Seven calls are let through only with the arguments below, and one says that it cannot.
- Sockets are Unix only. A network namespace has no inet routes but still knows AF_VSOCK,
  AF_NETLINK, AF_ALG and thirty more, each a way into the kernel.
"""

import errno
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from assistants.tools.code_interpreter import syscalls

# include/uapi/linux/{filter,bpf_common,seccomp,audit}.h
_LOAD_WORD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_JUMP_GREATER: Final = 0x25
_JUMP_AT_LEAST: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL_PROCESS: Final = 0x80000000

# struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6].
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4


def _argument(index: int) -> int:
    """Offset of the low half of an argument; all arguments tested here are 32 bits wide to the
    kernel.

    Both processors are little-endian.
    """
    return 16 + 8 * index


@dataclass(frozen=True, slots=True)
class _Machine:
    audit: int
    numbers: dict[str, int]


_MACHINES: Final = {
    "x86_64": _Machine(0xC000003E, syscalls.X86_64),
    "aarch64": _Machine(0xC00000B7, syscalls.AARCH64),
}

_AF_UNIX: Final = 1
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
_NEW_NAMESPACES: Final = (
    0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
)
# prctl: PDEATHSIG set and get, DUMPABLE get, NAME set and get, SECCOMP get, CAPBSET read,
# TIMERSLACK set and get, NO_NEW_PRIVS set and get, THP_DISABLE get, VMA names. Not DUMPABLE set: it
# would blind the memory watchdog.
_PRCTL: Final = (1, 2, 3, 15, 16, 21, 23, 29, 30, 38, 39, 42, 0x53564D41)
# ioctl: TCGETS, TIOCGPGRP, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not TIOCSTI or a
# device's own.
_IOCTL: Final = (0x5401, 0x540F, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# setsockopt: SO_ATTACH_FILTER, ATTACH_BPF, ATTACH_REUSEPORT_CBPF, ATTACH_REUSEPORT_EBPF load
# programs.
_SOCKET_PROGRAMS: Final = (26, 50, 51, 52)
# fcntl: F_SETLEASE keeps whoever opens the file waiting for 45 s, and that is the server; F_NOTIFY.
_FCNTL: Final = (1024, 1026)


class UnknownMachine(Exception):
    """There is no table of system calls for this processor."""


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _refuse(error: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | error)


def _only(index: int, values: Sequence[int], error: int) -> list[bytes]:
    """Let the call through if the argument is one of `values`, else fail with `error`."""
    block = [_instruction(_LOAD_WORD, _argument(index))]
    for left, value in zip(range(len(values), 0, -1), values, strict=True):
        block.append(_instruction(_JUMP_EQUAL, value, left, 0))
    return [*block, _refuse(error), _instruction(_RETURN, _ALLOW)]


def _never(index: int, values: Sequence[int], error: int) -> list[bytes]:
    """Fail with `error` if the argument is one of `values`."""
    block = [_instruction(_LOAD_WORD, _argument(index))]
    for left, value in zip(range(len(values), 0, -1), values, strict=True):
        block.append(_instruction(_JUMP_EQUAL, value, left, 0))
    return [*block, _instruction(_RETURN, _ALLOW), _refuse(error)]


def _no_bits(index: int, mask: int, error: int) -> list[bytes]:
    """Fail with `error` if the argument has any bit of `mask`."""
    return [
        _instruction(_LOAD_WORD, _argument(index)),
        _instruction(_JUMP_ANY_BIT, mask, 0, 1),
        _refuse(error),
        _instruction(_RETURN, _ALLOW),
    ]


_NARROWED: Final[dict[str, list[bytes]]] = {
    "socket": _only(0, (_AF_UNIX,), errno.EAFNOSUPPORT),
    "socketpair": _only(0, (_AF_UNIX,), errno.EAFNOSUPPORT),
    "clone": _no_bits(0, _NEW_NAMESPACES, errno.EPERM),
    "prctl": _only(0, _PRCTL, errno.EPERM),
    "ioctl": _only(1, _IOCTL, errno.ENOTTY),
    "fcntl": _never(1, _FCNTL, errno.EPERM),
    # It takes gigabytes of the disk in no time, before any watch sees it. Libraries then write.
    "fallocate": [_refuse(errno.EOPNOTSUPP)],
    "setsockopt": _never(2, _SOCKET_PROGRAMS, errno.EPERM),
}


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbouring numbers joined: (first, last), in order."""
    joined: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if joined and number == joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], number)
        else:
            joined.append((number, number))
    return joined


def program(machine: str) -> bytes:
    """The filter for `machine` (what platform.machine() says). Raises UnknownMachine."""
    if machine not in _MACHINES:
        raise UnknownMachine(machine)
    audit, numbers = _MACHINES[machine].audit, _MACHINES[machine].numbers
    code = [
        _instruction(_LOAD_WORD, _ARCHITECTURE),
        _instruction(_JUMP_EQUAL, audit, 1, 0),
        _instruction(_RETURN, _KILL_PROCESS),
        _instruction(_LOAD_WORD, _NUMBER),
    ]
    for name, block in _NARROWED.items():
        code += [_instruction(_JUMP_EQUAL, numbers[name], 0, len(block)), *block]
    plain = (number for name, number in numbers.items() if name not in _NARROWED)
    for first, last in _ranges(plain):
        code += [
            _instruction(_JUMP_AT_LEAST, first, 0, 2),
            _instruction(_JUMP_GREATER, last, 1, 0),
            _instruction(_RETURN, _ALLOW),
        ]
    code.append(_refuse(errno.ENOSYS))
    return b"".join(code)
