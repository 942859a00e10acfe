"""System message and task of a repair, within a budget of characters."""

from __future__ import annotations

from agent.model.base import Message
from agent.prompts import prompt
from agent.proposers.agentic.first_prompt.failing_tests import (
    failure_blocks,
    test_blocks,
    test_code,
)
from agent.proposers.agentic.first_prompt.functions import called_functions, suspicious_functions
from agent.proposers.agentic.first_prompt.problem_facts import ProblemFacts
from agent.proposers.agentic.first_prompt.sections import Section, fitted
from agent.proposers.agentic.first_prompt.surroundings import convention_block, tree_lines
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.untrusted_text import marked

MAX_TASK_CHARACTERS = 24_000
"""Of everything but the problem statement: about 7,000 tokens."""
SETUP_FILES = {
    "Python": "conftest.py",
    "JavaScript": "snapshots, mocks",
    "Go": "testdata",
    "Rust": "fixtures, snapshots",
}
"""What is read with the tests, by language."""
MAX_SHOWN_OTHERS = 10
MAX_PROBLEM_CHARACTERS = 16_000
WITH_GIT = "grep and git are there: one commit, so that `git diff` is your change"
NO_FUNCTION = "No line of the source stands out."
NONE_RAN = "The failing tests run no function of the project, as far as was seen."
IMPORTANCE = (
    "Failing tests",
    "Their code",
    "Suspicious functions",
    "What a search found",
    "How the tests run",
    "Functions that the tests use",
    "The project",
    "Conventions",
)
"""Titles of the sections, the most important first: the last is shortened first."""


def first_messages(facts: ProblemFacts, tree: WorkingTree) -> list[Message]:
    """System message and task."""
    system = prompt(
        "system",
        language=facts.language,
        setup=SETUP_FILES.get(facts.language, "their set-up"),
        workspace=tree.shown_workspace,
        scratch=tree.scratch,
        programs=WITH_GIT if tree.has_repository else "grep is there",
    )
    sections = fitted(_sections(facts), IMPORTANCE, MAX_TASK_CHARACTERS)
    task = prompt(
        "task",
        opening=_opening(facts),
        problem=problem_section(facts.problem_statement),
        sections="\n\n".join(section.text for section in sections),
    )
    return [message("system", system), message("user", task)]


def _opening(facts: ProblemFacts) -> str:
    """What is asked for, and what is not."""
    task = (
        "Somebody states a problem with the project. Solve it by repairing the source; the tests "
        "below show it."
        if facts.asked
        else "Tests of the project fail. Make them pass by repairing its source."
    )
    if not facts.others:
        return task
    names = ", ".join(facts.others[:MAX_SHOWN_OTHERS])
    more = len(facts.others) - MAX_SHOWN_OTHERS
    end = f" and {more} more." if more > 0 else "."
    return (
        f"{task}\n\nOther tests fail, it seems for other causes, and may stay red. Where you see "
        f"one cause behind them and those below, repair it for all: {names}{end}"
    )


def message(role: str, text: str) -> Message:
    """A message of ours; what cannot be encoded is replaced."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return Message(role="system" if role == "system" else "user", content=clean)


def problem_section(text: str) -> str:
    """The statement, marked as data; empty without one."""
    if not text.strip():
        return ""
    cut = text[:MAX_PROBLEM_CHARACTERS]
    if len(text) > len(cut):
        cut = f"{cut}\n[… {len(text) - len(cut)} characters left out]"
    return prompt("problem", data=marked(cut)) + "\n\n"


def _sections(facts: ProblemFacts) -> list[Section]:
    """In the order in which they are read."""
    near = [line.path for line in facts.suspicious[:20]]
    code = test_code(facts)
    by_title = {
        "Failing tests": failure_blocks(facts),
        "Their code": test_blocks(facts),
        "Suspicious functions": suspicious_functions(facts)
        or [NONE_RAN if facts.suspicious else NO_FUNCTION],
        "Functions that the tests use": called_functions(facts, code),
        "What a search found": [facts.learnt],
        "How the tests run": [facts.how_tests_run],
        "The project": [tree_lines(facts.paths, near)] if facts.paths else [],
        "Conventions": [convention_block(facts.conventions)],
    }
    return [
        Section(title, tuple(filter(None, blocks)), whole=title == "Conventions")
        for title, blocks in by_title.items()
    ]
