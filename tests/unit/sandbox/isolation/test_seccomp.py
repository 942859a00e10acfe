"""The system-call filter, run as the kernel runs it."""

from __future__ import annotations

import errno
import struct

import pytest

from sandbox.isolation.seccomp import (
    ALLOW,
    ALLOWED_SOCKET_FAMILIES,
    ERRNO,
    LAST_KNOWN_CALL,
    MACHINES,
    programs,
)

DENIED, MISSING = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS


def answer(machine: str, number: int, first: int = 0, audit: int | None = None) -> int:
    """What the filter of this machine says of a call."""
    data = {0: number, 4: MACHINES[machine].audit if audit is None else audit, 16: first}
    steps = list(struct.iter_unpack("=HBBI", programs()[machine]))
    at, loaded = 0, 0
    while True:
        code, yes, no, value = steps[at]
        at += 1
        if code == 0x20:
            loaded = data[value]
        elif code == 0x06:
            return value
        else:
            tests = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
            at += yes if tests[code] else no


@pytest.mark.parametrize("machine", MACHINES)
def test_sockets_of_known_families_alone(machine: str) -> None:
    call = MACHINES[machine].socket
    allowed = {family for family in range(64) if answer(machine, call, family) == ALLOW}
    assert allowed == set(ALLOWED_SOCKET_FAMILIES)


@pytest.mark.parametrize("machine", MACHINES)
def test_calls_newer_than_the_filter_are_not_there(machine: str) -> None:
    for number in (LAST_KNOWN_CALL + 1, LAST_KNOWN_CALL + 50, 1000, 0x40000000, 0xFFFFFFFF):
        assert answer(machine, number) == MISSING
    assert answer(machine, LAST_KNOWN_CALL) == ALLOW


@pytest.mark.parametrize("machine", MACHINES)
def test_new_namespaces_are_denied_and_new_processes_are_not(machine: str) -> None:
    call = MACHINES[machine].clone
    assert answer(machine, call, 0x10000000 | 17) == DENIED
    assert answer(machine, call, 17) == ALLOW
    assert answer(machine, MACHINES[machine].clone3) == MISSING


@pytest.mark.parametrize("machine", MACHINES)
def test_another_machine_s_calls_are_not_there(machine: str) -> None:
    assert answer(machine, 1, audit=0x40000003) == MISSING


@pytest.mark.parametrize("machine", MACHINES)
def test_every_number_that_is_denied(machine: str) -> None:
    assert {answer(machine, number) for number in MACHINES[machine].denied} == {DENIED}
    for number in (425, 438, 447, 451, 458):
        assert answer(machine, number) == DENIED
