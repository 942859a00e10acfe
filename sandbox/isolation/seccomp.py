"""The system-call filter of sandboxes, as a classic BPF program.

Denies what Docker's default profile denies without capabilities: mounts, new namespaces, keys,
bpf, perf, userfaultfd, io_uring, and sockets of other families than a project needs: some (to
the hypervisor, to the kernel's cryptography) no network namespace holds back. What a newer kernel
adds is not there until it has been looked at. Docker's own profile lets some of these through in
older engines, so it gets this one as well. Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl
and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass

LOAD, JUMP_EQUAL, JUMP_AT_LEAST, JUMP_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NEW_NAMESPACES = 0x7E020080  # every CLONE_NEW* flag
ALLOWED_SOCKET_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: what sockets may be."""
X32_BIT = 0x40000000
# Newer calls have one number everywhere: io_uring, the mount API, pidfd_getfd, quotactl_fd,
# memfd_secret, cachestat, statmount, listmount.
COMMON_DENIED_CALLS = (
    425,
    426,
    427,
    428,
    429,
    430,
    431,
    432,
    433,
    438,
    442,
    443,
    447,
    451,
    457,
    458,
)
LAST_KNOWN_CALL = 462
"""mseal; whoever asks for a later call takes the way of an older kernel."""


@dataclass(frozen=True)
class _Machine:
    audit: int
    clone: int
    socket: int
    clone3: int
    denied: tuple[int, ...]


MACHINES = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        socket=41,
        clone3=435,
        denied=(
            *(103, 153, 155, 161, 163, 164, 165, 166, 167, 168, 169, 170, 171, 172, 173, 175, 176),
            *(179, 227, 246, 248, 249, 250, 272, 298, 304, 308, 313, 320, 321, 323),
        ),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        socket=198,
        clone3=435,
        denied=(
            *(39, 40, 41, 51, 60, 89, 97, 104, 105, 106, 112, 116, 142, 161, 162, 170),
            *(217, 218, 219, 224, 225, 241, 265, 268, 273, 280, 282, 294),
        ),
    ),
}


def programs() -> dict[str, bytes]:
    """Return the filter for each kind of machine (`uname -m`) whose call numbers are known."""
    return {name: _program(machine) for name, machine in MACHINES.items()}


def _program(machine: _Machine) -> bytes:
    deny, no_such_call = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS
    code = [
        _step(LOAD, ARCHITECTURE),
        _step(JUMP_EQUAL, machine.audit, yes=1),
        _step(RETURN, no_such_call),
        _step(LOAD, NUMBER),
        _step(JUMP_AT_LEAST, X32_BIT, no=1),
        _step(RETURN, no_such_call),
        # glibc falls back to clone, whose flags can be seen.
        _step(JUMP_EQUAL, machine.clone3, no=1),
        _step(RETURN, no_such_call),
        _step(JUMP_AT_LEAST, LAST_KNOWN_CALL + 1, no=1),
        _step(RETURN, no_such_call),
    ]
    for number in (*machine.denied, *COMMON_DENIED_CALLS):
        code += [_step(JUMP_EQUAL, number, no=1), _step(RETURN, deny)]
    code += [
        _step(JUMP_EQUAL, machine.clone, no=3),
        _step(LOAD, FIRST_ARGUMENT),
        _step(JUMP_ANY_BIT, NEW_NAMESPACES, no=len(ALLOWED_SOCKET_FAMILIES) + 4),
        _step(RETURN, deny),
        _step(JUMP_EQUAL, machine.socket, no=len(ALLOWED_SOCKET_FAMILIES) + 2),
        _step(LOAD, FIRST_ARGUMENT),
        *(
            _step(JUMP_EQUAL, family, yes=len(ALLOWED_SOCKET_FAMILIES) - index)
            for index, family in enumerate(ALLOWED_SOCKET_FAMILIES)
        ),
        _step(RETURN, deny),
        _step(RETURN, ALLOW),
    ]
    return b"".join(code)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
