"""Tasks that are projects: which tests a fix has to make pass, and whether an answer does.

The same for all of them: the broken project with the fix's tests in it is prepared as any target of
a repair is, its tests are run with the reference fix and without it, and an answer is solved when
every test that passes with the fix passes with the answer. What an answer changes of the tests, of
their configuration and of what a test runner loads by itself is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path

from agent.evaluation.grading.sandbox_provider import SandboxProvider
from agent.evaluation.records import Grade, GradeKind
from agent.patches.changes import FileChange
from agent.patches.path_rules import hiding_objection, measure_objection
from sandbox.errors import EnvironmentBroken
from sandbox.languages.base import Overrides, SessionSetup
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.languages.python.runners.choose_runner import choose_runner
from sandbox.runners.base import Outcome, TestReport
from sandbox.runners.test_ids import is_selected
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

MIN_RUN_SECONDS = 300.0
"""For one run of a project's tests."""
_GREEN = frozenset({Outcome.PASSED, Outcome.XFAILED})


@dataclass(frozen=True, kw_only=True)
class ProjectCase:
    """A broken project, and how it is known to be mended."""

    folder: Path
    """The project with the fix's tests, without the fix."""
    fix: Mapping[str, FileChange]
    """The reference fix, path → bytes before and after."""
    tests: tuple[str, ...]
    """Files or ids of the tests that the fix is about."""
    shown_by: tuple[str, ...] = ()
    """Of these, the ones that a repair is to make pass; empty for all of them."""
    must_pass: tuple[str, ...] = ()
    """Ids of the tests that the fix has to make and keep pass; empty where the data does not name
    them: then those of `tests` that pass with the fix."""
    install: str | None = None
    test: str | None = None
    python: str | None = None


class NotReplayable(Exception):
    """The case shows nothing on this machine; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What the tests say with the reference fix and without it."""

    required: tuple[str, ...]
    """Pass with the fix."""
    fail_to_pass: tuple[str, ...]
    """Of these: fail without."""


@dataclass(frozen=True)
class ProjectTests:
    """Runs the tests of one case; prepared when it is first needed."""

    sandbox_provider: SandboxProvider
    case: ProjectCase
    seconds: float
    """For one test."""
    scratch: Path
    """A folder for its snapshot; whoever made it removes it."""

    @cached_property
    def snapshot(self) -> Snapshot:
        return take_snapshot(resolve(str(self.case.folder), None, self.scratch), self.scratch)

    @cached_property
    def project(self) -> PythonProject:
        case = self.case
        overrides = Overrides(install=case.install, test=case.test, python=case.python)
        return understand(self.snapshot, overrides)

    @property
    def names(self) -> tuple[str, ...]:
        """The tests of the case, as the project's own runner takes them."""
        return spelled(self.project, self.case.tests)

    @cached_property
    def built(self) -> SessionSetup:
        """Raises SandboxError."""
        sandbox_provider = self.sandbox_provider
        return prepare_environment(
            sandbox_provider.sandbox, self.project, self.snapshot, lambda _: None
        )

    def replay(self) -> Replay:
        """Raises NotReplayable, SandboxError."""
        try:
            with_fix = self.run(self.case.fix)
            without = self.run({})
        except EnvironmentBroken as error:
            raise NotReplayable(f"its environment cannot be built here: {error}") from error
        required_tests = [test for test in self._required(with_fix) if _is_green(with_fix, test)]
        missing_tests = [test for test in self.case.must_pass if test not in required_tests]
        if missing_tests or not required_tests:
            raise NotReplayable(_why_missing(missing_tests, with_fix))
        fail_to_pass = tuple(test for test in required_tests if not _is_green(without, test))
        if not fail_to_pass:
            raise NotReplayable("no test fails without the fix")
        return Replay(required=tuple(required_tests), fail_to_pass=fail_to_pass)

    def grade(self, changes: Mapping[str, FileChange], replay: Replay) -> Grade:
        """Judge an answer. Raises SandboxError."""
        source_changes = {p: c for p, c in changes.items() if not self._is_measure(p, c)}
        report = self.run(source_changes)
        broken_tests = [test for test in replay.required if not _is_green(report, test)]
        passes = sum(_is_green(report, test) for test in replay.fail_to_pass)
        metrics = {
            "fail_to_pass": float(len(replay.fail_to_pass)),
            "made_pass": float(passes),
            "likeness": likeness(self.case.fix, source_changes),
        }
        if not broken_tests:
            why = f"all {len(replay.required):,} tests pass"
            return Grade(kind=GradeKind.SOLVED, why=why, metrics=metrics)
        why = f"{broken_tests[0]} does not pass ({len(broken_tests):,} of {len(replay.required):,})"
        return Grade(kind=GradeKind.FAILED, why=why, metrics=metrics)

    def _is_measure(self, path: str, change: FileChange) -> bool:
        """Whether it decides what the tests do, rather than what the project does."""
        if measure_objection(path, self.project) is not None:
            return True
        return change[0] is None and hiding_objection(path, self.snapshot.entries) is not None

    def run(self, changes: Mapping[str, FileChange]) -> TestReport:
        """The tests of the case with these changes, in a fresh session. Raises SandboxError."""
        build, sandbox_provider = self.built, self.sandbox_provider
        runner = choose_runner(self.project, build.environment.python)
        with sandbox_provider.sandbox.open(
            build.environment, build.source, sandbox_provider.limits
        ) as session:
            for path, (_, new) in changes.items():
                if new is None:
                    session.remove(path)
                else:
                    session.write(path, new)
            return runner.run(
                session,
                self.names,
                timeout_seconds=max(MIN_RUN_SECONDS, self.seconds),
                test_timeout_seconds=self.seconds,
            )

    def read(self, path: str) -> bytes | None:
        """A file of the base; None where there is none."""
        try:
            return self.snapshot.read(path)
        except FileNotFoundError:
            return None

    def _required(self, with_fix: TestReport) -> Sequence[str]:
        if self.case.must_pass:
            return self.case.must_pass
        return [test for test in with_fix.results if is_selected(test, self.case.tests)]


def spelled(project: PythonProject, tests: Sequence[str]) -> tuple[str, ...]:
    """The names of tests as the project's own runner takes them."""
    if project.runner is not RunnerKind.UNITTEST:
        return tuple(tests)
    return tuple(test.replace(".py", "", 1).replace("::", ".").replace("/", ".") for test in tests)


def likeness(fix: Mapping[str, FileChange], answer: Mapping[str, FileChange]) -> float:
    """How alike two changes of the same base are, from 0 to 1: over the files that either changes,
    the share of lines that both leave the same in the end, weighed by the lines that changed."""
    weight = overlap = 0.0
    for path in {*fix, *answer}:
        base = (fix.get(path) or answer[path])[0] or b""
        fix_content = (fix.get(path) or (base, base))[1] or b""
        answer_content = (answer.get(path) or (base, base))[1] or b""
        before = base.splitlines()
        edits = [_edit(before, new.splitlines()) for new in (fix_content, answer_content)]
        matcher = SequenceMatcher(None, edits[0], edits[1], autojunk=False)
        weight += len(edits[0]) + len(edits[1])
        overlap += matcher.ratio() * (len(edits[0]) + len(edits[1]))
    return overlap / weight if weight else 0.0


def _edit(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """The lines that a change takes away and adds."""
    lines: list[tuple[str, bytes]] = []
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            lines += [("-", line.strip()) for line in old[i:j]]
            lines += [("+", line.strip()) for line in new[k:m]]
    return lines


def _is_green(report: TestReport, test: str) -> bool:
    result = report.results.get(test)
    return result is not None and result.outcome in _GREEN


def _why_missing(missing: Sequence[str], report: TestReport) -> str:
    if missing:
        note = f" (one of {len(missing):,})" if missing[1:] else ""
        return f"{missing[0]} does not pass here with the reference fix{note}"
    if report.collection_errors:
        path, error = next(iter(report.collection_errors.items()))
        return f"{path} cannot be collected with the reference fix: {error[-200:]}"
    reasons = [result.message for result in report.results.values() if result.message]
    reasons += (report.command.stdout + report.command.stderr).strip().splitlines()[-1:]
    return f"none of its tests pass here with the reference fix: {[*reasons, 'none ran'][0][:300]}"
