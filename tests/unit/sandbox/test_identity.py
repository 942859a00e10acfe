"""What the answering sandbox claims to be."""

from __future__ import annotations

from sandbox.identity import Identity


def test_a_made_up_machine_has_as_many_variables_as_a_person_has() -> None:
    """In Docker a sandbox begins with few of its own, so that a patch could count them."""
    machines = [Identity.random("calc") for _ in range(100)]
    assert min(len(machine.variables) for machine in machines) >= 8
    assert len({machine.home for machine in machines}) > 50
