"""The part of `repair doctor --deep` that tries every sandbox of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.config import Settings
from cli.doctor import bubblewrap, docker_engine
from cli.findings import Finding, State
from sandbox.choose import choose
from sandbox.errors import SandboxError
from sandbox.probe import ProbeReport, ProbeRow
from sandbox.trials import try_limits


@dataclass(frozen=True, kw_only=True)
class Examined:
    """A sandbox, and what became of each limit."""

    engine: Finding
    report: ProbeReport


def examine_limits(settings: Settings) -> Iterator[Examined]:
    """Each sandbox that is installed here, as soon as it has been tried."""
    for name, engine in (("docker", docker_engine(settings)), ("bubblewrap", bubblewrap())):
        if engine.state is State.MISSING:
            continue
        try:
            report = try_limits(choose(name, settings.build_settings()))
        except SandboxError as error:
            row = ProbeRow(name="opens", ok=False, detail=str(error))
            report = ProbeReport(sandbox=name, rows=(row,))
        yield Examined(engine=engine, report=report)
