"""What the answering sandbox claims to be."""

from __future__ import annotations

from sandbox.machine_identity import MachineIdentity


def test_a_made_up_machine_has_as_many_variables_as_a_person_has() -> None:
    """In Docker a sandbox begins with few of its own, so that a patch could count them."""
    machines = [MachineIdentity.random("calc") for _ in range(100)]
    assert min(len(machine.variables) for machine in machines) >= 8
    assert len({machine.home for machine in machines}) > 50


def test_a_made_up_machine_has_a_terminal_and_leftovers() -> None:
    """Where tests run there is neither."""
    machines = [MachineIdentity.random("calc") for _ in range(50)]
    assert all(machine.variables["PWD"] == machine.home for machine in machines)
    assert len({machine.variables["TERM"] for machine in machines}) > 1
    leftovers = [[p for p in machine.files if p.startswith("/tmp/")] for machine in machines]
    assert all(leftovers)
    assert len({path for paths in leftovers for path in paths}) > 50
    usual = MachineIdentity()
    assert (usual.files, usual.variables) == ({}, {})
