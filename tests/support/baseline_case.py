"""The baseline of a small project: real files, a real sandbox, a real pytest."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agent.baseline.baseline import take_baseline
from agent.baseline.evidence import BaselineEvidence
from agent.baseline.test_runs import BaselineLimits
from sandbox.base import Limits
from sandbox.runners.base import TestRunner
from tests.support.verdict_case import (
    Layout,
    pytest_runner,
    snapshot_of,
    strongest_sandbox,
    this_environment,
)


def baseline_of(
    files: Mapping[str, str],
    *,
    only: Sequence[str] = (),
    runner: TestRunner | None = None,
    limits: BaselineLimits | None = None,
    seconds_left: Callable[[], float] = lambda: math.inf,
    say: Callable[[str], None] = lambda _: None,
) -> BaselineEvidence:
    """Run the tests of a project that has `calc.py` or the package `pkg`."""
    with tempfile.TemporaryDirectory(prefix="repair-case-") as folder:
        content = {path: text.encode() for path, text in files.items()}
        snapshot = snapshot_of(content, Path(folder))
        sandbox, environment = strongest_sandbox(Path(folder, "cache")), this_environment()
        return take_baseline(
            lambda: sandbox.open(environment, snapshot.tar, Limits(memory_bytes=1 << 30)),
            runner or pytest_runner(environment.python),
            modules={"calc", "pkg"},
            is_test_path=Layout().is_test_path,
            only=only,
            limits=limits or BaselineLimits(whole_seconds=120.0),
            seconds_left=seconds_left,
            say=say,
        )
