"""The part of `repair doctor` that opens a sandbox and reads its limits back from inside."""

from __future__ import annotations

from agent.config import Settings
from cli.doctor.findings import Finding, State
from sandbox.engines.choose import choose
from sandbox.engines.probe import ProbeReport, probe
from sandbox.errors import SandboxError

FLAW_ADVICE = {
    True: "works, but less strictly than it could; give it control groups to write to",
    False: "a repair cannot run in it",
}


def inside(name: str, settings: Settings) -> Finding:
    """What code in the sandbox of this name can and cannot do."""
    title = f"{name} sandbox"
    try:
        report = probe(choose(name, settings.build_settings()))
    except SandboxError as error:
        description, _, advice = str(error).partition(". ")
        return Finding(name=title, state=State.BROKEN, found=description, advice=advice)
    flaws = [f"{row.name}: {row.detail}" for row in report.rows if not row.ok]
    if not flaws:
        summary = f"opens, and all {len(report.rows) - 1} limits and walls hold inside"
        return Finding(name=title, state=State.OK, found=summary)
    opens = _opens(report)
    state = State.PARTLY if opens else State.BROKEN
    return Finding(name=title, state=state, found="; ".join(flaws), advice=FLAW_ADVICE[opens])


def _opens(report: ProbeReport) -> bool:
    return bool(report.rows) and report.rows[0].ok
