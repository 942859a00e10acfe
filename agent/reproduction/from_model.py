"""A test that the model writes, in its tool loop; judged by running it on the base."""

from __future__ import annotations

import ast
import re
import threading
import time
from collections.abc import Mapping
from functools import partial

from agent.model.base import Message
from agent.prompts import prompt
from agent.proposers.agentic.agent_context import Task
from agent.proposers.agentic.candidate import PROPOSER, Made
from agent.proposers.agentic.first_messages import message, problem_section
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.base import Allowance
from agent.proposers.search.ingredients.project_context import words_of_code
from agent.records import CandidatePatch, GeneratedTest, Verdict
from agent.reproduction.confirmation import Ground, objection_to, stable
from agent.reproduction.from_issue import Found
from agent.runs.stop import raise_if_stopped
from sandbox.runners.base import TestResult
from sandbox.source import SourceEdit
from sandbox.syntax import parse_module

AUTHOR = "the model"
MAX_WRITTEN_TESTS = 8
MAX_TEST_FILE_BYTES = 64 * 1024
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMON = frozenset(("test", "tests", "assert", "pytest", "raises", "result", "expected", "the"))


def test_of_model(
    ground: Ground, writer: Agentic, max_seconds: float, stop: threading.Event
) -> Found:
    """Let the model write a test until one shows the problem or a limit is reached.

    Raises ModelError, and Interrupted once the run is stopped.
    """
    outcome = Found(test=None, results={}, why_not="the model wrote no test that shows the problem")
    deadline = time.monotonic() + max_seconds
    while outcome.test is None and not writer.exhausted and time.monotonic() < deadline:
        raise_if_stopped(stop)
        allowance = Allowance(max_seconds=deadline - time.monotonic(), max_candidates=1, stop=stop)
        for candidate in writer.propose(allowance):
            outcome, objections = _judge_on_base(candidate, ground)
            writer.learn(candidate, _verdict(objections))
    return outcome


test_of_model.__test__ = False  # type: ignore[attr-defined]


def writing_task(ground: Ground) -> Task:
    """What a model in its tool loop is asked for, instead of a patch."""
    return Task(
        first_messages=partial(_first_messages, ground),
        make=partial(_candidate_of, ground.place.path),
        wanted=f"test file {ground.place.path}",
        rejected="reproduce_rejected",
    )


def _first_messages(ground: Ground, tree: WorkingTree) -> list[Message]:
    path = ground.place.path
    form = "a method of a `unittest.TestCase`" if ground.place.as_case else "a function `test_…`"
    system = prompt(
        "reproduce_system", workspace=tree.workspace, scratch=tree.scratch, path=path, form=form
    )
    task = prompt(
        "reproduce_task",
        workspace=tree.workspace,
        path=path,
        beside=ground.place.beside,
        problem=problem_section(ground.statement),
    )
    return [message("system", system), message("user", task)]


def _candidate_of(path: str, tree: WorkingTree) -> Made:
    """The test file as a candidate; every other change is dropped."""
    objections = tuple(
        f"{changed_path}: only {path} counts"
        for changed_path in tree.changes()
        if changed_path != path
    )
    _, content = tree.changes().get(path, (None, None))
    if not content:
        return Made(None, objections)
    if len(content) > MAX_TEST_FILE_BYTES:
        return Made(None, (*objections, f"{path}: it is larger than {MAX_TEST_FILE_BYTES} bytes"))
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return Made(None, (*objections, f"{path}: it is not UTF-8"))
    candidate = CandidatePatch(
        edits=(SourceEdit(path, 0, 0, text),),
        proposer=PROPOSER,
        operator="model.test",
        description=f"the model's test {path}",
    )
    return Made(candidate, objections)


def _judge_on_base(candidate: CandidatePatch, ground: Ground) -> tuple[Found, tuple[str, ...]]:
    """The test, or why it does not show the problem: sentences for the model."""
    text = candidate.edits[0].replacement
    names = test_names(text)
    no_test = Found(test=None, results={}, why_not="the model's tests do not show the problem")
    if not names:
        return no_test, ("the file holds no test, or is no Python",)
    if len(names) > MAX_WRITTEN_TESTS:
        return no_test, (f"it holds {len(names)} tests; write {MAX_WRITTEN_TESTS} at most",)
    results, second_results = ground.run(text, names), ground.run(text, names)
    objections = _objections(results, second_results, names, ground)
    if not objections and not speaks_of(text, ground.statement):
        objections = ("it uses no name and no value that the statement speaks of",)
    if not results:
        objections = (f"it cannot be collected: {ground.collected(text, names)[-1500:]}",)
    if not objections:
        unrelated_tests = set(names) - ground.touching(text, names)
        objections = tuple(
            f"{name} runs no line of the project's source" for name in unrelated_tests
        )
    if objections:
        return no_test, objections
    test = GeneratedTest(
        path=ground.place.path,
        text=text,
        test_ids=tuple(ground.place.id_of(name) for name in names),
        author=AUTHOR,
        claims=tuple(f"{name} fails with: {results[name].message[:160]}" for name in names),
    )
    return Found(test=test, results={ground.place.id_of(n): second_results[n] for n in names}), ()


def _objections(
    results: Mapping[str, TestResult],
    second_results: Mapping[str, TestResult],
    names: tuple[str, ...],
    ground: Ground,
) -> tuple[str, ...]:
    objections = []
    for name in names:
        objection = objection_to(results.get(name), ground.statement)
        if objection:
            objections.append(f"{name} {objection}")
        elif not stable(results[name], second_results.get(name)):
            objections.append(f"{name} ends differently when it is run again")
    return tuple(objections)


def speaks_of(text: str, statement: str) -> bool:
    """Whether a test's code and the statement have a word in common: a weak sign, and the only
    one there is, that the test fails for the reason stated."""
    code = words_of_code([text])
    test_words = {part for name in code.names for part in (name, *name.split("_"))}
    test_words |= {word for string in code.strings for word in _WORD.findall(string)}
    statement_words = {word.lower() for word in _WORD.findall(statement)}
    return bool(
        ({word.lower() for word in test_words if len(word) > 2} - _COMMON) & statement_words
    )


def test_names(text: str) -> tuple[str, ...]:
    """`test` of functions and `Class.test` of methods; empty for what does not parse."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return ()
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    names: list[str] = []
    for node in tree.body:
        if isinstance(node, functions) and node.name.startswith("test"):
            names.append(node.name)
        elif isinstance(node, ast.ClassDef):
            methods = [method.name for method in node.body if isinstance(method, functions)]
            names += [f"{node.name}.{name}" for name in methods if name.startswith("test")]
    return tuple(names)


test_names.__test__ = False  # type: ignore[attr-defined]


def ids_in(tree: WorkingTree, *, ground: Ground) -> tuple[str, ...]:
    """What `run_tests` runs when no test is named: those of the file as it is now."""
    try:
        text = tree.read(ground.place.path).decode("utf-8", "replace")
    except (FileNotFoundError, ValueError):
        return ()
    return tuple(ground.place.id_of(name) for name in test_names(text))


def _verdict(objections: tuple[str, ...]) -> Verdict:
    return Verdict(
        plausible=not objections, fail_to_pass={}, pass_to_pass={}, objections=objections
    )
