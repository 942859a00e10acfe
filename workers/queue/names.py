"""The name of a worker says which process it is, so that its machine can tell when it died."""

from __future__ import annotations

from sandbox.isolation.owner import Owner, this_process


def name_of(owner: Owner) -> str:
    return f"{owner.host}/{owner.pid}/{owner.start}"


def my_name() -> str:
    return name_of(this_process())


def process_of(worker: str) -> Owner | None:
    """The process that a claim names; None for a name of another form."""
    host, _, process = worker.partition("/")
    pid, _, start = process.partition("/")
    return Owner(host=host, pid=int(pid), start=start) if pid.isdigit() and start else None
