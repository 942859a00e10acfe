"""Whether a job that began now would find what it needs on this machine."""

from __future__ import annotations

from agent.config import Settings
from agent.runs.folder import runs_root
from sandbox.base import Limits
from sandbox.engines.choose import choose, empty_session
from sandbox.engines.reaper import reap
from sandbox.environments.store import EnvironmentStore
from sandbox.errors import SandboxError


def probe(settings: Settings) -> tuple[str, str]:
    """Return the kind of sandbox that works here, and why none does; one of them is empty.

    It does what every job begins with: frees what killed ones left, opens a sandbox and runs
    something in it, and writes where environments and runs are kept.
    """
    build = settings.build_settings()
    try:
        reap(settings.cache_dir)
        with EnvironmentStore(build.cache_dir / "environments").lock():
            runs_root(settings).mkdir(parents=True, exist_ok=True)
        sandbox = choose("auto", build)
        with empty_session(sandbox, sandbox.bare(), Limits()) as session:
            result = session.run(["true"], timeout_seconds=30)
    except (SandboxError, OSError) as error:
        return "", str(error)
    return (
        (sandbox.name, "") if result.ok else ("", f"{sandbox.name} runs nothing: {result.stderr}")
    )
