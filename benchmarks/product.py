"""Running the product's command as a user does, and reading what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reporting import rounded

GRACE_SECONDS = 180.0
"""On top of `--max-seconds`: building an environment may use the network the first time."""
DELIVERED = frozenset(("repaired", "plausible", "repaired_in_part"))
"""Statuses with a patch that passed the verdict and was confirmed. A plausible one may leave
failing tests red as well."""
ORDINARY_CODES = (0, 1, 4, 5)
"""Exit codes of a repair that nothing of the machine or the command cut short."""
ACCEPTED = "passes the verdict"
"""Begins the line of progress with which the command says that a patch is plausible."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How one call of `repair` ended."""

    exit_code: int | None
    """None when it was killed because it ran past its limit and the grace."""
    record: Mapping[str, Any]
    """The result on stdout; empty when there was none."""
    wall_seconds: float
    first_plausible_seconds: float | None
    """From the start of the command until it said that a patch passed the verdict."""
    stderr_tail: str

    @property
    def status(self) -> str | None:
        return self.record.get("status")

    @property
    def still_red(self) -> int:
        """Failing tests that the patch leaves red."""
        return len((self.record.get("baseline") or {}).get("still_red") or ())

    @property
    def delivered(self) -> bool:
        """Whether a confirmed patch came out, for all failing tests or for some."""
        return self.status in DELIVERED and bool(self.diff)

    @property
    def in_part(self) -> bool:
        """Whether it leaves failing tests red, with whichever status."""
        return self.delivered and self.still_red > 0

    @property
    def accepted(self) -> bool:
        """Whether a patch passed the verdict for all failing tests, sure or only plausible."""
        return is_accepted({"status": self.status, "still_red": self.still_red})

    @property
    def diff(self) -> str:
        """The patch; empty without one."""
        patch = self.record.get("patch") or {}
        return str(patch.get("diff") or "")


def is_accepted(kept: Mapping[str, Any]) -> bool:
    """As `Answer.accepted`, of what `summary` kept; older files do not count what stays red."""
    return kept.get("status") in ("repaired", "plausible") and not kept.get("still_red")


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
    lines: list[tuple[float, str]] = []
    with tempfile.TemporaryFile() as stdout:
        process = subprocess.Popen(
            [command_path(), *arguments, "--verbose"],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, **(variables or {})},
            start_new_session=True,
        )
        reader = threading.Thread(target=_read_lines, args=(process, started, lines), daemon=True)
        reader.start()
        try:
            exit_code: int | None = process.wait(limit_seconds + GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            exit_code = None
        ended = time.monotonic()
        reader.join(GRACE_SECONDS)
        stdout.seek(0)
        record = read_record(stdout.read())
    return Answer(
        exit_code=exit_code,
        record=record,
        wall_seconds=ended - started,
        first_plausible_seconds=next((when for when, line in lines if ACCEPTED in line), None),
        stderr_tail="\n".join(line for _, line in lines)[-2000:],
    )


def _read_lines(
    process: subprocess.Popen[bytes], started: float, lines: list[tuple[float, str]]
) -> None:
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            text = line.decode("utf-8", "replace").rstrip()
            lines.append((time.monotonic() - started, text))


def read_record(stdout: bytes) -> Mapping[str, Any]:
    """Return the result in what the command printed; empty where it printed none."""
    try:
        record = json.loads(stdout)
    except ValueError:
        return {}
    if not isinstance(record, dict):
        return {}
    inner = record.get("result")
    return inner if isinstance(inner, dict) else record


def summary(answer: Answer) -> dict[str, Any]:
    """Return what a result file keeps of an answer."""
    patch = answer.record.get("patch") or {}
    candidate = patch.get("candidate") or {}
    return {
        "exit_code": answer.exit_code,
        "status": answer.status,
        "still_red": answer.still_red,
        "reason": answer.record.get("reason"),
        "wall_seconds": rounded(answer.wall_seconds),
        "first_plausible_seconds": rounded(answer.first_plausible_seconds),
        "stage_seconds": answer.record.get("seconds"),
        "candidates_tried": answer.record.get("candidates_tried"),
        "alternatives": len(answer.record.get("alternatives") or ()),
        "operator": candidate.get("operator"),
        "diff": answer.diff,
        "stderr_tail": "" if answer.diff else answer.stderr_tail,
    }
