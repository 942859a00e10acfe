"""A result as SARIF 2.1.0 (OASIS), which code scanning and editors show beside the code.

The result may be somebody else's file: a viewer must neither open what is not the repository's nor
show its text as links.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from agent.patches.changes import diff_bytes, diff_text
from agent.patches.path_rules import outside_objection
from agent.patches.unified_diff import ReplacedLines, replaced_lines
from agent.records import PlausiblePatch, RepairResult, SuspiciousLine
from agent.untrusted_text import printable
from cli.delivery.output_file import write_output
from cli.display.console import say
from cli.options.arguments import is_url
from sandbox.git.folder import GitLeadsOutside, find_git_folder

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
TOP = PurePosixPath()
SUSPICIOUS, PATCH = "suspicious-line", "plausible-patch"
_RULES = (
    {
        "id": SUSPICIOUS,
        "name": "SuspiciousLine",
        "shortDescription": {"text": "The fault of a failing test may be here"},
        "defaultConfiguration": {"level": "note"},
    },
    {
        "id": PATCH,
        "name": "PlausiblePatch",
        "shortDescription": {"text": "A patch here makes failing tests pass and breaks none"},
        "defaultConfiguration": {"level": "warning"},
    },
)


def write_sarif(path: Path, result: RepairResult, target: str) -> None:
    """Write the suspicious places of a result and its patch, and say where. Raises BadInput."""
    document = sarif(result, _below_top(target))
    place = write_output(path, json.dumps(document, indent=1).encode(), "--sarif", target)
    say(f"SARIF: {printable(str(place))}")


def sarif(result: RepairResult, prefix: PurePosixPath = TOP) -> dict[str, Any]:
    """The log as data. `prefix`: the target's folder below the top of its repository, from which
    the places are named."""
    lines = [line for line in result.suspicious if line.line > 0 and _is_source(line.path)]
    results = [*_patch(result, prefix), *(_line(line, prefix) for line in lines)]
    driver = {"name": "Repair", "version": version("repair-agent"), "rules": list(_RULES)}
    run = {
        "tool": {"driver": driver},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The repository's top."}}},
        "results": results,
        "properties": {"runId": result.run_id, "status": result.status.value},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _below_top(target: str) -> PurePosixPath:
    """Where a folder lies in its repository."""
    if target and not is_url(target):
        folder = Path(target).resolve()
        with suppress(GitLeadsOutside, OSError):
            git_folder = find_git_folder(folder)
            if git_folder is not None and git_folder.top is not None:
                return PurePosixPath(folder.relative_to(git_folder.top).as_posix())
    return TOP


def _line(line: SuspiciousLine, prefix: PurePosixPath) -> dict[str, Any]:
    reasons = f" ({', '.join(line.reasons)})" if line.reasons else ""
    region = {"startLine": line.line, "endLine": max(line.line, line.last_line)}
    return {
        "ruleId": SUSPICIOUS,
        "ruleIndex": 0,
        "level": "note",
        "message": _text(f"The fault may be here, suspiciousness {line.score:.2f}{reasons}."),
        "rank": round(100 * min(1.0, max(0.0, line.score)), 1),
        "locations": [_location(line.path, region, prefix)],
    }


def _patch(result: RepairResult, prefix: PurePosixPath) -> Iterator[dict[str, Any]]:
    """One result for the patch, at its changes; none where it cannot be read or leads outside."""
    patch = result.patch
    if patch is None:
        return
    try:
        changes = list(replaced_lines(diff_bytes(patch.diff)))
    except ValueError:  # PatchRefused, or a text that no file could hold
        return
    if changes and all(_is_source(change.path) for change in changes):
        yield {
            "ruleId": PATCH,
            "ruleIndex": 1,
            "level": "warning",
            "message": _text(_message(patch)),
            "locations": [_location(c.path, _region(c), prefix) for c in changes],
            "fixes": [_fix(patch, changes, prefix)],
        }


def _message(patch: PlausiblePatch) -> str:
    tests = list(patch.verdict.fail_to_pass)
    more = f" and {len(tests) - 3} more" if len(tests) > 3 else ""
    cautions = "".join(f" Caution: {caution}." for caution in patch.cautions)
    return (
        f"{patch.candidate.description} makes {', '.join(tests[:3])}{more} pass."
        f" It passed the verdict, which is no proof: read it.{cautions}"
    )


def _fix(
    patch: PlausiblePatch, changes: list[ReplacedLines], prefix: PurePosixPath
) -> dict[str, Any]:
    files = groupby(changes, key=lambda change: change.path)
    return {
        "description": _text(patch.candidate.description),
        "artifactChanges": [
            {
                "artifactLocation": _artifact(path, prefix),
                "replacements": [_replacement(change) for change in of_file],
            }
            for path, of_file in files
        ],
    }


def _replacement(change: ReplacedLines) -> dict[str, Any]:
    replacement: dict[str, Any] = {"deletedRegion": _region(change)}
    if change.new:
        replacement["insertedContent"] = {"text": diff_text(b"".join(change.new))}
    return replacement


def _region(change: ReplacedLines) -> dict[str, int]:
    """Whole lines; where the last one has no end, up to the end of its text."""
    end = change.first + len(change.old)
    if change.old and not change.old[-1].endswith(b"\n"):
        return {"startLine": change.first, "startColumn": 1, "endLine": end - 1}
    return {"startLine": change.first, "startColumn": 1, "endLine": end, "endColumn": 1}


def _text(text: str) -> dict[str, str]:
    """A message without embedded links (3.11.6)."""
    return {"text": re.sub(r"[\[\]\\]", r"\\\g<0>", printable(text))}


def _is_source(path: str) -> bool:
    """Whether a path is below the repository's top, and not of git's own files."""
    return outside_objection(path) is None and ".git" not in path.lower().split("/")


def _location(path: str, region: dict[str, int], prefix: PurePosixPath) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": _artifact(path, prefix), "region": region}}


def _artifact(path: str, prefix: PurePosixPath) -> dict[str, str]:
    uri = quote(str(prefix / path), errors="surrogateescape")
    return {"uri": uri, "uriBaseId": "%SRCROOT%"}
