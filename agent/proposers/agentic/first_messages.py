"""First messages of a conversation: the problem, failing tests and suspicious lines."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent.model.base import Message
from agent.prompts import prompt
from agent.proposers.agentic.tools.run_tests import failure_text
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.records import SuspiciousLine
from sandbox.runners.base import TestResult

MAX_SHOWN_FAILURES = 5
MAX_SHOWN_TEST_IDS = 30
SHOWN_PLACES = 15
MAX_TEST_SOURCE_CHARACTERS = 6_000
MAX_PROBLEM_CHARACTERS = 40_000


@dataclass(frozen=True, kw_only=True)
class Known:
    """Facts about the problem for the first messages to the model."""

    problem_statement: str
    failures: Mapping[str, TestResult]
    sources: Sequence[str]
    """Of the failing tests."""
    suspicious: Sequence[SuspiciousLine]
    lines: Mapping[tuple[str, int], str]
    """Path and line → the line's text."""
    values: Mapping[tuple[str, int], Sequence[str]] = field(default_factory=dict)
    """Path and line → variables seen there in a failing test, one rendering a visit."""
    tried: str = ""


def first_messages(facts: Known, tree: WorkingTree) -> list[Message]:
    """System message and task."""
    system = prompt("system", workspace=tree.workspace, scratch=tree.scratch)
    task = prompt(
        "task",
        workspace=tree.workspace,
        problem=problem_section(facts.problem_statement),
        failures=_failures(facts),
        places="\n".join(_place(line, facts) for line in facts.suspicious[:SHOWN_PLACES])
        or "No line stands out.",
        tried=facts.tried or "Nothing.",
    )
    return [message("system", system), message("user", task)]


def message(role: str, text: str) -> Message:
    """A message of ours; what cannot be encoded is replaced."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return Message(role="system" if role == "system" else "user", content=clean)


def problem_section(text: str) -> str:
    """The statement, marked as data; empty without one."""
    if not text.strip():
        return ""
    # The mark is the text's own digest: a text cannot hold it, so it cannot end the data early.
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    cut = text[:MAX_PROBLEM_CHARACTERS]
    return prompt("problem", mark=mark, text=cut) + "\n\n"


def _failures(facts: Known) -> str:
    parts = [
        failure_text(test_id, result)
        for test_id, result in list(facts.failures.items())[:MAX_SHOWN_FAILURES]
    ]
    other_ids = list(facts.failures)[MAX_SHOWN_FAILURES:]
    if other_ids:
        id_lines = "\n".join(other_ids[:MAX_SHOWN_TEST_IDS])
        suffix = (
            f"\n… and {len(other_ids) - MAX_SHOWN_TEST_IDS} more"
            if len(other_ids) > MAX_SHOWN_TEST_IDS
            else ""
        )
        parts.append(f"These fail, too:\n{id_lines}{suffix}")
    source = "\n\n".join(facts.sources)
    if source.strip():
        parts.append(f"Source of the failing tests:\n{source[:MAX_TEST_SOURCE_CHARACTERS]}")
    return "\n\n".join(parts)


def _place(line: SuspiciousLine, facts: Known) -> str:
    key = (line.path, line.line)
    text = facts.lines.get(key, "").strip()
    observed = facts.values.get(key, ())
    values = f"   # seen here: {' | '.join(observed)}" if observed else ""
    return f"{line.path}:{line.line} ({line.score:.2f})  {text}{values}"
