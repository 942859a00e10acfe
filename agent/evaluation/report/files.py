"""The summary as files: JSON, a table of the tasks as CSV, and the page."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.log import LogContents
from agent.evaluation.records import Plan
from agent.evaluation.report.summary import SUMMARY_SCHEMA, Summary, TaskRow
from agent.evaluation.run_folder import EvaluationFolder
from agent.evaluation.suites.projects.swe_bench import predictions
from agent.serialization import plain, restore
from agent.untrusted_text import printable, printable_lines

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def summary_json(summary: Summary) -> dict[str, Any]:
    """The summary as plain JSON types."""
    return {"schema": SUMMARY_SCHEMA, **plain(summary)}


def read_summary(path: Path) -> Summary:
    """A summary as it was written, by whomever: its texts are made printable. Raises
    DataUnreadable."""
    try:
        document = _printable(json.loads(path.read_text(encoding="utf-8")))
        schema = document.pop("schema")
        summary = restore(Summary, document)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise DataUnreadable(f"{path} is no summary: {error!r:.200}") from error
    if schema != SUMMARY_SCHEMA:
        raise DataUnreadable(f"{path} has the schema {schema!r}, not {SUMMARY_SCHEMA}")
    return summary


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return "\n".join(printable_lines(value))
    if isinstance(value, list):
        return [_printable(element) for element in value]
    if isinstance(value, dict):
        return {printable(key): _printable(element) for key, element in value.items()}
    return value


def tasks_csv(summary: Summary) -> str:
    """One line for each task."""
    names = [field.name for field in fields(TaskRow) if field.name != "metrics"]
    metrics = sorted({name for row in summary.rows for name in row.metrics})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, *metrics])
    for row in summary.rows:
        values = [getattr(row, name) for name in names]
        writer.writerow([*map(_cell, values), *(row.metrics.get(name, "") for name in metrics)])
    return text.getvalue()


def write_files(folder: EvaluationFolder, summary: Summary, page: str) -> None:
    """Write all of them anew, each whole or not at all."""
    _write(folder.summary, json.dumps(summary_json(summary), indent=1) + "\n")
    _write(folder.table, tasks_csv(summary))
    _write(folder.page, page)


def write_predictions(folder: EvaluationFolder, plan: Plan, recorded: LogContents) -> None:
    """The answers to instances of SWE-bench's shape, for its own harness."""
    _write(folder.predictions, predictions(plan, recorded))


def _write(path: Path, text: str) -> None:
    # A new file under a name that nobody can know before: a link there is never followed.
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(text)
    Path(partial).replace(path)


def _cell(value: object) -> object:
    """What an answer printed must not become a formula where the file is opened."""
    if not isinstance(value, str):
        return value
    one_line = " ".join(value.split())
    return f"'{one_line}" if one_line.startswith(_FORMULA) else one_line
