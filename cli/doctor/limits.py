"""The part of `repair doctor --deep` that tries every sandbox of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.config import Settings
from cli.doctor.findings import Finding, State
from cli.doctor.machine import bubblewrap, docker_engine
from sandbox.engines.choose import choose
from sandbox.engines.limit_trials import try_limits
from sandbox.engines.probe import ProbeReport, ProbeRow
from sandbox.errors import SandboxError


@dataclass(frozen=True, kw_only=True)
class LimitExamination:
    """A sandbox, and what became of each limit."""

    engine: Finding
    report: ProbeReport


def examine_limits(settings: Settings) -> Iterator[LimitExamination]:
    """Each sandbox that is installed here, as soon as it has been tried; with a runtime, Docker's
    alone: no other has one."""
    engines = {"docker": docker_engine(settings)}
    if not settings.docker_runtime:
        engines["bubblewrap"] = bubblewrap()
    for name, engine in engines.items():
        if engine.state is State.MISSING:
            continue
        try:
            report = try_limits(choose(name, settings.build_settings()))
        except SandboxError as error:
            row = ProbeRow(name="opens", ok=False, detail=str(error))
            report = ProbeReport(sandbox=name, rows=(row,))
        yield LimitExamination(engine=engine, report=report)
