"""What a benchmark reports: its conditions, its lines of progress and its kept results."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The checkout of the product that is measured."""

Record = dict[str, Any]


def conditions(**more: Any) -> Record:
    """Return where and when this is measured, with `more` (limits, corpus, versions) added."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": git_commit(ROOT),
        "uncommitted_changes": bool(_git(ROOT, "status", "--porcelain", "--untracked-files=no")),
        "cpus": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "cpu": cpu_model(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_at_start": round(os.getloadavg()[0], 2),
        **more,
    }


def git_commit(folder: Path) -> str:
    """Return the commit checked out in `folder`; empty where git cannot say."""
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    return ended.stdout.strip() if ended.returncode == 0 else ""


def cpu_model() -> str:
    """Return the processor's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def say(text: str) -> None:
    """Print one line of progress at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Journal:
    """One JSON object a line, written as each case ends, so that an interrupted run loses none.

    The first line holds what must not change within one run (corpus, limits, commit).
    """

    path: Path

    def open(self, setting: Mapping[str, Any], *, fresh: bool) -> Iterator[Record]:
        """Start or go on; yield the records already there.

        Exits with a sentence when the journal belongs to another setting.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if fresh or not self.path.exists():
            self.path.write_text(json.dumps({"setting": setting}) + "\n", encoding="utf-8")
        lines = list(self._lines())
        if not lines or lines[0].get("setting") != dict(setting):
            sys.exit(
                f"{self.path} was written under other settings; "
                "pass --fresh to start over, or another --workdir"
            )
        return iter(lines[1:])

    def append(self, record: Record) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")

    def _lines(self) -> Iterator[Record]:
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                yield json.loads(line)
            except ValueError:  # the line that an interruption cut short
                continue


def write_result(path: Path, result: Record) -> None:
    """Write the result of a whole run as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    say(f"written: {path}")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(header), *[["" if cell is None else str(cell) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    shown = [
        " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    rule = "-|-".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [shown[0], rule, *shown[1:]])


def every_nth(count: int, sample: int) -> list[int]:
    """Return `sample` indices spread evenly over `range(count)`, the same each time."""
    if sample >= count or sample <= 0:
        return list(range(count))
    return [position * count // sample for position in range(sample)]


def rounded(value: float | None, digits: int = 2) -> float | None:
    return None if value is None else round(value, digits)
