"""A test that the model writes, in its tool loop; judged by running it on the base."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial

from agent.model.base import Message
from agent.prompts import prompt
from agent.proposers.agentic.agent_context import ConversationTask
from agent.proposers.agentic.candidate import PROPOSER, ExtractedCandidate
from agent.proposers.agentic.first_prompt.messages import message, problem_section
from agent.proposers.agentic.proposer import Agentic
from agent.proposers.agentic.tools.working_copy import WorkingTree
from agent.proposers.base import Allowance
from agent.proposers.search.ingredients.project_context import words_of_code
from agent.records import CandidatePatch, GeneratedTest, Verdict
from agent.reproduction.confirmation import ReproductionBase, objection_to, stable
from agent.reproduction.from_issue import Reproduction
from agent.runs.stop import raise_if_stopped
from sandbox.runners.base import Outcome, TestResult
from sandbox.source import SourceEdit

AUTHOR = "the model"
MAX_WRITTEN_TESTS = 8
MAX_TEST_FILE_BYTES = 64 * 1024
MAX_NAMED_TESTS = 5
"""Tests that fail already, in the task."""
_WORD = re.compile(r"[A-Za-z_]\w*")
_COMMON = frozenset(("test", "tests", "assert", "pytest", "raises", "result", "expected", "the"))


def test_of_model(
    base: ReproductionBase, writer: Agentic, max_seconds: float, stop: threading.Event
) -> Reproduction:
    """Let the model write a test until one shows the problem or a limit is reached.

    Raises ModelError, and Interrupted once the run is stopped.
    """
    outcome = Reproduction(
        test=None, results={}, why_not="the model wrote no test that shows the problem"
    )
    deadline = time.monotonic() + max_seconds
    while outcome.test is None and not writer.exhausted and time.monotonic() < deadline:
        raise_if_stopped(stop)
        allowance = Allowance(max_seconds=deadline - time.monotonic(), max_candidates=1, stop=stop)
        for candidate in writer.propose(allowance):
            outcome, objections = judge_on_base(candidate, base)
            writer.learn(candidate, _verdict(objections))
    return outcome if outcome.test is not None else replace(outcome, why_not=_why(outcome, writer))


def _why(outcome: Reproduction, writer: Agentic) -> str:
    """Why there is no test, with how the conversation ended."""
    if writer.exhausted:
        endings = "".join(f": {ending}" for ending in writer.endings)
        return f"{outcome.why_not}{endings}"
    return f"{outcome.why_not} in the time that was left for it (raise --max-seconds)"


test_of_model.__test__ = False  # type: ignore[attr-defined]


def writing_task(base: ReproductionBase) -> ConversationTask:
    """What a model in its tool loop is asked for, instead of a patch."""
    return ConversationTask(
        first_messages=partial(_first_messages, base),
        make=partial(_candidate_of, base.place.path),
        wanted=f"test file {base.place.path}",
        rejected="reproduce_rejected",
    )


def _first_messages(base: ReproductionBase, tree: WorkingTree) -> list[Message]:
    path = base.place.path
    system = prompt(
        "reproduce_system",
        workspace=tree.shown_workspace,
        scratch=tree.scratch,
        path=path,
        form=base.language.form,
        language=base.language.name,
        checks=base.language.checks,
    )
    task = prompt(
        "reproduce_task",
        path=path,
        beside=base.place.beside,
        problem=problem_section(base.statement),
        tests=_state_of_tests(base.failing),
    )
    return [message("system", system), message("user", task)]


def _state_of_tests(failing: Sequence[str]) -> str:
    """What the project's own tests say, as the beginning of the task."""
    if not failing:
        return "All tests of the project pass"
    names = ", ".join(failing[:MAX_NAMED_TESTS])
    more = f" and {len(failing) - MAX_NAMED_TESTS} more" if len(failing) > MAX_NAMED_TESTS else ""
    return f"Some tests of the project fail already, perhaps for other reasons ({names}{more})"


def _candidate_of(path: str, tree: WorkingTree) -> ExtractedCandidate:
    """The test file as a candidate; every other change is dropped."""
    objections = tuple(
        f"{changed_path}: only {path} counts"
        for changed_path in tree.changes()
        if changed_path != path
    )
    _, content = tree.changes().get(path, (None, None))
    if not content:
        return ExtractedCandidate(None, objections)
    if len(content) > MAX_TEST_FILE_BYTES:
        return ExtractedCandidate(
            None, (*objections, f"{path}: it is larger than {MAX_TEST_FILE_BYTES} bytes")
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return ExtractedCandidate(None, (*objections, f"{path}: it is not UTF-8"))
    candidate = CandidatePatch(
        edits=(SourceEdit(path, 0, 0, text),),
        proposer=PROPOSER,
        operator="model.test",
        description=f"the model's test {path}",
    )
    return ExtractedCandidate(candidate, objections)


def judge_on_base(
    candidate: CandidatePatch, base: ReproductionBase
) -> tuple[Reproduction, tuple[str, ...]]:
    """The test, or why it does not show the problem: sentences for the model."""
    text = candidate.edits[0].replacement
    names = base.names_in(text)
    no_test = Reproduction(
        test=None, results={}, why_not="the model's tests do not show the problem"
    )
    if not names:
        reason = f"the file holds no test, or is no {base.language.name}"
        return no_test, (f"{reason} {base.collected(text, ())[-1500:]}".strip(),)
    if len(names) > MAX_WRITTEN_TESTS:
        return no_test, (f"it holds {len(names)} tests; write {MAX_WRITTEN_TESTS} at most",)
    results, second_results = base.run(text, names), base.run(text, names)
    demonstrations = _showing(results, second_results)
    objections = _objections(results, second_results, names, base)
    if not objections and not _has_words(base.language.words_in(text), base.statement):
        objections = ("it uses no name and no value that the statement speaks of",)
    if not results:
        objections = (f"it cannot be collected: {base.collected(text, names)[-1500:]}",)
    if not objections:
        unrelated_tests = set(demonstrations) - base.touching(text, demonstrations)
        objections = tuple(
            f"{name} runs no line of the project's source" for name in sorted(unrelated_tests)
        )
    if objections:
        return no_test, objections
    test = GeneratedTest(
        path=base.place.path,
        text=text,
        test_ids=tuple(base.place.id_of(name) for name in demonstrations),
        author=AUTHOR,
        claims=_claims(demonstrations, results),
    )
    failures = {base.place.id_of(name): second_results[name] for name in demonstrations}
    return Reproduction(test=test, results=failures), ()


def _showing(
    results: Mapping[str, TestResult], second_results: Mapping[str, TestResult]
) -> tuple[str, ...]:
    """The tests that did not pass both times: those that do show nothing, and are left out."""
    return tuple(
        name
        for name, result in results.items()
        if result.outcome is not Outcome.PASSED or not stable(result, second_results.get(name))
    )


def _objections(
    results: Mapping[str, TestResult],
    second_results: Mapping[str, TestResult],
    names: tuple[str, ...],
    base: ReproductionBase,
) -> tuple[str, ...]:
    """Why the file does not show the problem. Tests that pass beside others that fail are no
    objection: they are controls."""
    ran = {*results, *(name.partition("[")[0] for name in results)}
    objections = [f"{name} {objection_to(None, '')}" for name in names if name not in ran]
    demonstrations = _showing(results, second_results)
    for name in demonstrations or results:
        objection = objection_to(results[name], base.statement)
        if objection and not _is_crash(results[name], base):
            objections.append(f"{name} {objection}")
        elif not stable(results[name], second_results.get(name)):
            objections.append(f"{name} ends differently when it is run again")
    return tuple(objections)


def _is_crash(result: TestResult, base: ReproductionBase) -> bool:
    """Of the project itself: statements often say what goes wrong, and not with which exception."""
    return result.outcome is Outcome.FAILED and base.crashed(result)


def _claims(names: Sequence[str], results: Mapping[str, TestResult]) -> tuple[str, ...]:
    claims = [
        f"{name} fails with: {results[name].message[:160]}" for name in names[:MAX_WRITTEN_TESTS]
    ]
    if len(names) > MAX_WRITTEN_TESTS:
        claims.append(f"and {len(names) - MAX_WRITTEN_TESTS} more")
    return tuple(claims)


def speaks_of(text: str, statement: str) -> bool:
    """Whether a test's code and the statement have a word in common: a weak sign, and the only
    one there is, that the test fails for the reason stated."""
    code = words_of_code([text])
    return _has_words({*code.names, *code.strings}, statement)


def _has_words(code: Collection[str], statement: str) -> bool:
    names = {name for part in code for name in _WORD.findall(part)}
    test_words = {part for name in names for part in (name, *name.split("_"))}
    statement_words = {word.lower() for word in _WORD.findall(statement)}
    return bool(
        ({word.lower() for word in test_words if len(word) > 2} - _COMMON) & statement_words
    )


def ids_in(tree: WorkingTree, *, base: ReproductionBase) -> tuple[str, ...]:
    """What `run_tests` runs when no test is named: those of the file as it is now."""
    try:
        text = tree.read(base.place.path).decode("utf-8", "replace")
    except (FileNotFoundError, ValueError):
        return ()
    names = base.language.names_in(text)
    return (base.place.path,) if names is None else tuple(map(base.place.id_of, names))


def _verdict(objections: tuple[str, ...]) -> Verdict:
    return Verdict(
        plausible=not objections, fail_to_pass={}, pass_to_pass={}, objections=objections
    )
