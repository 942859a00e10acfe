"""Running the product's command as a user does, and reading what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRACE_SECONDS = 180.0
"""On top of `--max-seconds`: building an environment may use the network the first time."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one call of `repair` ended."""

    exit_code: int | None
    """None when it was killed because it ran past its limit and the grace."""
    record: Mapping[str, Any]
    """The JSON object on stdout; empty when there was none."""
    wall_seconds: float
    stderr_tail: str

    @property
    def diff(self) -> str:
        """The patch; empty without one."""
        patch = self.record.get("patch") or {}
        return str(patch.get("diff") or "")

    @property
    def first_plausible_seconds(self) -> float | None:
        """Since the command was started; None without a patch.

        The record's own stage `first_plausible` where it has one, else the whole call.
        """
        if not self.diff:
            return None
        seconds = self.record.get("seconds") or {}
        return float(seconds.get("first_plausible", self.wall_seconds))


def command_path() -> str:
    """Return the `repair` next to the interpreter that runs this benchmark."""
    beside = Path(sys.executable).with_name("repair")
    if not beside.exists():
        sys.exit(f"no command {beside}; install the checkout first: pip install -e '.[dev]'")
    return str(beside)


def ask(
    arguments: Sequence[str],
    *,
    limit_seconds: float,
    variables: Mapping[str, str] | None = None,
) -> Answer:
    """Run `repair` with the arguments; kill it `GRACE_SECONDS` after its own limit."""
    started = time.monotonic()
    process = subprocess.Popen(
        [command_path(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(variables or {})},
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=limit_seconds + GRACE_SECONDS)
        exit_code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        exit_code = None
    return Answer(
        exit_code=exit_code,
        record=_record(stdout),
        wall_seconds=time.monotonic() - started,
        stderr_tail=stderr.decode("utf-8", "replace")[-2000:],
    )


def _record(stdout: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(stdout)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def summary(answer: Answer) -> dict[str, Any]:
    """Return what a result file keeps of an answer."""
    patch = answer.record.get("patch") or {}
    candidate = patch.get("candidate") or {}
    return {
        "exit_code": answer.exit_code,
        "status": answer.record.get("status"),
        "reason": answer.record.get("reason"),
        "wall_seconds": round(answer.wall_seconds, 2),
        "first_plausible_seconds": answer.first_plausible_seconds,
        "stage_seconds": answer.record.get("seconds"),
        "candidates_tried": answer.record.get("candidates_tried"),
        "alternatives": len(answer.record.get("alternatives") or ()),
        "operator": candidate.get("operator"),
        "diff": answer.diff,
        "stderr_tail": "" if answer.diff else answer.stderr_tail,
    }
