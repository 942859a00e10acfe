"""The validation context of a repair: its base, baseline evidence, rules and sandboxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.baseline.evidence import BaselineEvidence
from agent.patches.changes import FileChange
from agent.patches.importable_names import Importable
from agent.patches.path_rules import PathRules
from agent.validation.control_run import Control
from agent.validation.differential.calls.remote_calls import RemoteCallCheck
from agent.validation.language_traits import LanguageTraits
from agent.validation.tamper_check import Base
from sandbox.base import Session
from sandbox.runners.base import TestReport, TestRunner

MIN_TEST_SECONDS = 20.0
"""Each test of a verdict gets at least these; those that follow several hanging ones get less."""


@dataclass(frozen=True, kw_only=True)
class ValidationContext:
    """The base, its baseline evidence and the sandboxes with which candidate patches are judged."""

    open_session: Callable[[], Session]
    """A fresh offline session that holds the pristine base."""
    open_answering: Callable[[], Session]
    """The same on what looks like another machine, each time a different one."""
    language: LanguageTraits = field(default_factory=LanguageTraits)
    """What the layers have to know of the project's language."""
    python: str
    """Interpreter inside the session."""
    runner: TestRunner
    base: Base
    rules: PathRules
    evidence: BaselineEvidence
    products: Mapping[str, str] = field(default_factory=dict)
    """What the installation added to the base's folder, path → SHA-256: in every session."""
    importable: Importable = field(default_factory=Importable)
    """What the environment has beside the project."""
    include_tests: bool = False
    excluded: Sequence[Mapping[str, FileChange]] = ()
    """Patches that people turned down, as what each file is before and after."""
    canary: bool = True
    """The project's runner picks the canary up and reports it rightly on the base."""
    must_fail_tests: frozenset[str] = frozenset()
    """Tests to repair whose copy was reported as failing, with its token, on the base."""
    known_problems: frozenset[str] = frozenset()
    """What those copies saw on the base, which speaks against no patch."""
    fell: Mapping[str, int] = field(default_factory=dict)
    """A bit for each assertion by which such a copy fails on the base."""
    remote_calls: RemoteCallCheck | None = None
    """The check by remote calls; None where neither pytest nor unittest runs the tests."""
    pytest_names: Mapping[str, str] = field(default_factory=dict)
    """Tests to repair that can have that check → their names there, which are pytest's."""
    control: Control = field(default_factory=Control)
    """What is red on the base under the run that a patch gets."""

    @property
    def fail_to_pass(self) -> tuple[str, ...]:
        return self.evidence.baseline.failing

    @property
    def pass_to_pass(self) -> tuple[str, ...]:
        return self.evidence.baseline.passing

    @property
    def paths(self) -> frozenset[str]:
        """Every file that is there before a patch: the base's, and what its installation made."""
        return frozenset(self.base.entries) | frozenset(self.products)

    @property
    def quiet(self) -> tuple[str, ...]:
        """Tests that said nothing on the base: skipped, or failing as expected."""
        return self.evidence.baseline.skipped

    @property
    def wanted(self) -> list[str]:
        """The tests of a whole run, in the order of the baseline."""
        return self.in_order({*self.fail_to_pass, *self.pass_to_pass, *self.quiet})

    def in_order(self, tests: Iterable[str]) -> list[str]:
        """In the order of the baseline: tests may depend on it."""
        order = {test_id: position for position, test_id in enumerate(self.evidence.order)}
        return sorted(tests, key=lambda test_id: (order.get(test_id, len(order)), test_id))

    def run(self, session: Session, tests: Sequence[str]) -> TestReport:
        """Run tests with time-outs taken from the baseline, longer where the base needed more since
        then."""
        seconds = [self.evidence.seconds.get(test_id, 1.0) for test_id in tests]
        passing_seconds = [self.evidence.seconds.get(t, 0.0) for t in self.pass_to_pass]
        # A test that hung on the base may take longer than the quick ones once it is repaired.
        one_test = max(MIN_TEST_SECONDS, 5 * max(passing_seconds, default=0.0))
        return self.runner.run(
            session,
            tests,
            timeout_seconds=self.control.patience * (120.0 + 4 * sum(seconds)),
            test_timeout_seconds=self.control.patience * one_test,
        )


def apply_changes(session: Session, changes: Mapping[str, FileChange]) -> None:
    for path, (_, new) in changes.items():
        if new is None:
            session.remove(path)
        else:
            session.write(path, new)


def reader(base: Base) -> Callable[[str], bytes | None]:
    """Path → bytes of the base, None where it has no such file."""

    def read(path: str) -> bytes | None:
        try:
            return base.read(path)
        except FileNotFoundError:
            return None

    return read
