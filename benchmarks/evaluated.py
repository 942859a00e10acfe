"""An evaluation made by `repair evaluate`, and what a benchmark reads of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.config import Settings
from agent.evaluation.log import LogContents, read_log
from agent.evaluation.report.summary import Summary
from agent.evaluation.run_folder import EvaluationFolder, own_folder
from agent.serialization import restore
from benchmarks.product import command_path
from benchmarks.reporting import Record

CLAIMS = ("repaired", "plausible")
"""Ends of a repair that says that its patch passes."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A whole evaluation."""

    summary: Summary
    exit_code: int

    @property
    def folder(self) -> EvaluationFolder:
        return own_folder(Settings(), self.summary.plan.run_id)

    @property
    def log(self) -> LogContents:
        return read_log(self.folder.log)


def evaluate(words: Sequence[str], resume: str | None = None) -> Evaluated:
    """`repair evaluate` with these words, or the rest of an earlier one; its progress is shown.

    Exits where it has no result.
    """
    chosen = ["resume", resume] if resume else list(words)
    ended = subprocess.run(
        [command_path(), "evaluate", *chosen, "--json"],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    try:
        document: dict[str, Any] = json.loads(ended.stdout)
        document.pop("schema")
        summary = restore(Summary, document)
    except (ValueError, KeyError) as error:
        sys.exit(f"`repair evaluate` ended with {ended.returncode} and no result: {error}")
    return Evaluated(summary=summary, exit_code=ended.returncode)


def cases(evaluated: Evaluated) -> list[Record]:
    """One record for each task: how the repair ended, and how it was graded."""
    log = evaluated.log
    return [
        {
            "name": row.task_id,
            "status": answers[0].finish_reason if (answers := log.answers.get(row.task_id)) else "",
            "outcome": row.outcome,
            "why": row.why,
            "seconds": round(row.seconds, 1),
            **row.metrics,
        }
        for row in evaluated.summary.rows
    ]


def claimed_only(records: Sequence[Mapping[str, Any]]) -> int:
    """How many patches that the repair calls passing do not pass here."""
    return sum(
        record["status"] in CLAIMS and not record.get("tests_pass", record["outcome"] == "solved")
        for record in records
    )
