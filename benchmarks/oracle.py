"""QuixBugs programs compared with the correct version, by the parts of `repair evaluate quixbugs`.

`compare` calls functions in this process, for programs that a benchmark made; `agree` runs the
text of any program in sandboxes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agent.config import Settings
from agent.evaluation.grading.sandbox_provider import SandboxProvider
from agent.evaluation.suites.projects.quixbugs.agreement import (
    Agreement,
    Unloadable,
    agreement_on,
    results_of,
)
from agent.evaluation.suites.projects.quixbugs.guest_programs import calls
from agent.evaluation.suites.projects.quixbugs.inputs import Arguments, inputs
from sandbox.isolation.owner import scratch_folder


def compare(
    reference: Callable[..., Any],
    candidate: Callable[..., Any],
    name: str,
    asked: Sequence[Arguments],
) -> Agreement:
    """Call both on every input, each with copies of its own; SIGALRM raises `CallTimedOut`."""
    right = [calls.told(reference, name, arguments) for arguments in asked]
    return agreement_on(name, asked, right, list(calls.results(candidate, name, asked)))


def agree(
    correct: str, other: str, name: str, *, count: int, seed: int, sandbox: str = "bubblewrap"
) -> Agreement | None:
    """Of the texts of two programs; None where one of them has no results."""
    asked = inputs(name, seed, count, [])
    with scratch_folder() as scratch:
        provider = SandboxProvider(Settings(), sandbox, threading.Event(), Path(scratch))
        try:
            right, said = (results_of(provider, text, name, asked) for text in (correct, other))
        except Unloadable:
            return None
        finally:
            provider.close()
    return agreement_on(name, asked, right, said)
