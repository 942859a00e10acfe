"""Whether a behaviour difference explains that a test passes with a patch.

Where a patch changes nothing that the test exercises, it is no repair. The tests run on the base,
without the patch. What they call in the project is answered by a sandbox that holds the patch, and
a third one, which holds the base, is asked the same; plain values of modules and classes are set
as the patch has them. A test that passes there is confirmed. Where no call of one that fails
returns, raises or changes anything else with the patch, and nothing that it reads is another, the
patch cannot explain that it passes with it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from agent.patches.changes import FileChange
from agent.patches.oracle_values import Measures, measures_of
from agent.validation.differential.captured_output import listens
from agent.validation.differential.instrumentation import Changed, base_functions
from agent.validation.differential.module_state import Difference
from agent.validation.differential.split_run import SplitRun, fails_with_base
from agent.validation.differential.stable_message import steady
from agent.validation.differential.value_subject import ValueSubject
from sandbox.languages.python.runners.split import (
    Asked,
    CallMode,
    CallReport,
    Function,
    SplitRunReport,
)
from sandbox.runners.base import FAILING, Outcome, TestResult
from sandbox.runners.test_ids import file_of
from sandbox.source import decode_source_lossless
from sandbox.syntax import parse_module

MAX_INSTRUMENTED_FILES = 100
"""To parse and to rewrite; in a larger project a call is compared further inside."""
_UNSEEN = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "os.exec")
"""Code of the project may run where nobody looks."""
MEASURES = "the patch changes nothing that the test exercises, only what it measures with ({})"
UNEXPLAINED = (
    "nothing that the test calls or reads is another with the patch, which cannot explain that it "
    "passes"
)
BY_VALUE = "it passes by the value of {} alone"
SAME_WITH_BASE = "it passes in this way where the base answers, too"
_SHARED = re.compile(r"scope|set_?[uU]p_?[cC]lass|set_?[uU]p_?[mM]odule|cache")
"""What one test leaves for another."""


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Which tests pass for a behaviour difference of the patch, and objections for the others."""

    objections: tuple[str, ...] = ()
    confirmed: frozenset[str] = frozenset()
    """Tests that pass on the base once the patch answers."""
    doubts: tuple[str, ...] = ()
    """Why others that pass there are not confirmed."""
    asked: Asked = field(default_factory=dict)
    """What the patch asked of the machine."""
    base_asked: Asked = field(default_factory=dict)
    """What the base did, asked the same."""


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Explains passing tests by behaviour differences between base and patch, for one repair."""

    split_run: SplitRun
    failures: Mapping[str, TestResult]
    """How the tests to repair fail on the base."""

    def ask(
        self,
        changes: Mapping[str, FileChange],
        tests: Sequence[str],
        reached: Mapping[str, frozenset[Function]],
        measures: Mapping[str, Measures],
    ) -> Explained:
        """Explain each test by a split run. `reached` says which changed functions it comes to on
        the base, of those of which that is known. Raises SandboxError for infrastructure only."""
        functions = tuple(self._functions(changes))
        texts = {path: self._text(path) for path in self._test_files(tests)}
        report, differences = self.split_run.run_with_base(
            tests,
            functions,
            changes,
            sorted(self._modules(changes, texts.values())),
        )
        replaced_functions = {
            (function.path, function.whole) for function in functions if function.whole
        }
        paths = self.split_run.module_paths()
        differences = tuple(
            d for d in differences if (paths.get(d.module), d.name) not in replaced_functions
        )
        changes_data_files = any(not path.endswith(".py") for path in changes)
        read_names = frozenset[str]().union(*(names_read(text) for text in texts.values()))

        @cache
        def words() -> frozenset[str]:
            return frozenset[str]().union(read_names, *map(_words, self._sources()))

        @cache
        def leading_to(owner: str) -> frozenset[str]:
            return _leading_to(owner, self._sources())

        shares_state = any(_SHARED.search(text) for text in texts.values())
        objections, passing = list[str](), dict[str, _Sight]()
        for test_id in tests:
            calls = _together(report, tests) if shares_state else report.said(test_id)
            sight = _Sight(
                result=report.report.results.get(test_id),
                calls=replace(calls, unsure=report.said(test_id).unsure),
                differences=differences,
                read_names=read_names,
                words=words,
                leading_to=leading_to,
                reached=_reached(reached, tests if shares_state else [test_id]),
            )
            measure = measures.get(test_id, Measures())
            if sight.passed and not measure:
                if not listens(test_id, texts.values()):
                    passing[test_id] = sight
            elif not changes_data_files and (
                objection := sight.objection(measure, self.failures.get(test_id))
            ):
                objections.append(f"{test_id}: {objection}")
        explained = Explained(
            objections=tuple(objections), asked=report.asked, base_asked=report.base_asked
        )
        if objections or not passing:
            return explained
        subject = ValueSubject(functions=functions, texts=tuple(texts.values()))
        doubts = self._doubts(passing, subject, tests, functions, differences)
        return replace(
            explained,
            confirmed=frozenset(passing.keys() - doubts.keys()),
            doubts=tuple(f"{test_id}: {doubt}" for test_id, doubt in doubts.items()),
        )

    def _doubts(
        self,
        passing: Mapping[str, _Sight],
        subject: ValueSubject,
        tests: Sequence[str],
        functions: Sequence[Changed],
        differences: Sequence[Difference],
    ) -> dict[str, str]:
        """Why tests that pass here say nothing of the patch's answers: they would pass as well
        where the base gives them."""
        doubts = {}
        for test_id, sight in passing.items():
            values = subject.measured_values(test_id, sight.calls, sight.values_set)
            if values and not sight.calls.differing:
                doubts[test_id] = BY_VALUE.format(values)
                continue
            report = self.split_run.run_base(
                tests, CallMode.EXPLANATION, functions, differences if values else ()
            )
            if not fails_with_base(report, test_id):
                doubts[test_id] = BY_VALUE.format(values) if values else SAME_WITH_BASE
        return doubts

    def test_texts(self, tests: Sequence[str]) -> tuple[str, ...]:
        """Sources of the tests' files, and of those beside them that hold no tests."""
        return tuple(self._text(path) for path in self._test_files(tests))

    def measures(
        self, changes: Mapping[str, FileChange], tests: Sequence[str]
    ) -> dict[str, Measures]:
        """Test → patched code and data that serve as its oracle, for tests that use any."""
        texts = {path: self._text(path) for path in self.split_run.test_paths()}
        paths = self.split_run.base.entries.keys()
        measures_by_test = {}
        for test_id in tests:
            path = file_of(test_id, paths)
            measures = measures_of(changes, test_id, path or "", texts)
            if measures:
                measures_by_test[test_id] = measures
        return measures_by_test

    def _functions(self, changes: Mapping[str, FileChange]) -> Iterator[Changed]:
        patched = [p for p, (old, _) in changes.items() if old is not None and p.endswith(".py")]
        for path in self.split_run.nearest(patched)[:MAX_INSTRUMENTED_FILES]:
            base_content, patched_content = (
                changes.get(path) or (self.split_run.base.read(path),) * 2
            )
            try:
                texts = [
                    "" if content is None else decode_source_lossless(content).text
                    for content in (base_content, patched_content)
                ]
                yield from base_functions(path, *texts)
            except (SyntaxError, ValueError, RecursionError):
                continue  # written for another Python, or in no encoding that it names

    def _sources(self) -> Iterator[str]:
        for path in self.split_run.sources():
            yield self._text(path)

    def _test_files(self, tests: Sequence[str]) -> list[str]:
        """The files of the tests, and those beside them that hold no tests themselves."""
        paths = self.split_run.base.entries.keys()
        own_paths = {file_of(test_id, paths) for test_id in tests} - {None}
        helpers = [p for p in self.split_run.test_paths() if not _holds_tests(p)]
        return sorted({*(path for path in own_paths if path), *helpers})

    def _text(self, path: str) -> str:
        try:
            return decode_source_lossless(self.split_run.base.read(path)).text
        except ValueError:
            return ""

    def _modules(self, changes: Mapping[str, FileChange], texts: Iterable[str]) -> set[str]:
        """Of the patched files, and what the tests import of the project."""
        paths = self.split_run.module_paths()
        by_length = sorted(paths.items(), key=lambda item: -len(item[0]))
        patched = {path: name for name, path in by_length if path in changes}
        imported_names = {name for text in texts for name in _imported(text)}
        return {*patched.values(), *(imported_names & paths.keys())}


@dataclass(frozen=True, kw_only=True)
class _Sight:
    """Observations of one test in the split run."""

    result: TestResult | None
    calls: CallReport
    differences: Sequence[Difference]
    read_names: frozenset[str]
    """Names that the test's files speak of."""
    words: Callable[[], frozenset[str]]
    """Those that stand in any file of the base."""
    leading_to: Callable[[str], frozenset[str]]
    """A class → names of its instances and of the classes below it."""
    reached: frozenset[Function] | None
    """Changed functions that it comes to on the base; None where that is not known."""

    @property
    def passed(self) -> bool:
        """Whether the test passes on the base through answers or values of the patch."""
        is_passed = self.result is not None and self.result.outcome is Outcome.PASSED
        return (
            is_passed and not self.calls.foreign and bool(self.calls.differing or self.values_set)
        )

    @property
    def values_set(self) -> frozenset[str]:
        """Names of plain values of the patch that the test's files speak of."""
        return frozenset(d.last for d in self._values(self.read_names) if d.literal is not None)

    def objection(self, measure: Measures, base_result: TestResult | None) -> str:
        """Why the patch cannot explain that the test passes; empty where it may."""
        if self.result is None or self.result.outcome in (Outcome.TIMED_OUT, Outcome.CRASHED):
            return ""
        if any(word in doubt for doubt in self.calls.unsure for word in _UNSEEN):
            return ""
        if measure:
            as_before = not self.calls.unsure
        else:
            as_before = not self.calls.unsure and _fails_as(base_result, self.result)
        functions, values = self.calls.differing, self._values(self.read_names | self.calls.reads)
        if not as_before:
            # What comes later in the test was not seen: then all counts that it may come to.
            if self.reached is None:
                return ""
            functions |= self.calls.reached | self.reached
            values = self._values(self.words())
        elif not measure:
            values = [difference for difference in values if difference.literal is None]
        if (
            functions - measure.functions
            or {difference.last for difference in values} - measure.values
        ):
            return ""
        return MEASURES.format(measure.named) if measure else UNEXPLAINED

    def _values(self, names: frozenset[str]) -> list[Difference]:
        return [
            difference for difference in self.differences if self._is_observable(difference, names)
        ]

    def _is_observable(self, difference: Difference, names: frozenset[str]) -> bool:
        """Whether a test that reads these names can observe the difference."""
        if not difference.name:
            return True  # a module that only one side can import
        if not difference.special:
            return difference.last in names or "*" in names
        if (
            not difference.owner
            or difference.owner in names
            or f'"{difference.owner}"' in self.calls.spoke_of
        ):
            return True
        # `copy(missing)` looks for a method of `_Missing`, and names neither.
        return bool(self.leading_to(difference.owner) & names)


def _together(report: SplitRunReport, tests: Sequence[str]) -> CallReport:
    """One call report for tests that share state, such as fixtures."""
    all_said = [report.said(test_id) for test_id in tests]
    return CallReport(
        asked=sum(calls.asked for calls in all_said),
        reached=frozenset[Function]().union(*(calls.reached for calls in all_said)),
        reads=frozenset[str]().union(*(calls.reads for calls in all_said)),
        differing=frozenset[Function]().union(*(calls.differing for calls in all_said)),
        spoke_of="\n".join(calls.spoke_of for calls in all_said),
    )


def _reached(
    functions_by_test: Mapping[str, frozenset[Function]], tests: Sequence[str]
) -> frozenset[Function] | None:
    function_sets = [
        functions_by_test[test_id] for test_id in tests if test_id in functions_by_test
    ]
    return frozenset[Function]().union(*function_sets) if len(function_sets) == len(tests) else None


def _fails_as(base_result: TestResult | None, result: TestResult) -> bool:
    if result.outcome not in FAILING:
        return False
    return base_result is None or steady(base_result.message) == steady(result.message)


def _leading_to(owner: str, texts: Iterable[str]) -> frozenset[str]:
    """Names by which code can come to the methods of a class without naming the class: those of
    its instances, as far as they are made where they are named, and of the classes below it."""
    classes, links = {owner}, list[tuple[str, str, bool]]()
    unread = list(texts)
    while True:
        unmatched: list[str] = []
        for text in unread:
            if any(name in text for name in classes):
                links += _links(text)
            else:
                unmatched.append(text)
        unread = unmatched
        subclasses = {name for name, source, is_class in links if is_class and source in classes}
        if subclasses <= classes:
            instances = {
                name for name, source, is_class in links if not is_class and source in classes
            }
            return frozenset(classes | instances)
        classes |= subclasses


def _links(text: str) -> Iterator[tuple[str, str, bool]]:
    """A name, the class that it comes from, and whether it names a class below that."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((node.name, _last(base), True) for base in node.bases)
            continue
        for target, value in _bindings(node):
            if isinstance(value, ast.Call):
                yield _last(target), _last(value.func), False


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr | str | None, ast.expr | None]]:
    """What a node gives a name to, and the value."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield node.target, node.value
    elif isinstance(node, ast.keyword):
        yield node.arg, node.value
    elif isinstance(node, ast.arguments):
        parameters = [*node.posonlyargs, *node.args]
        yield from zip((a.arg for a in parameters[::-1]), node.defaults[::-1], strict=False)
        yield from zip((a.arg for a in node.kwonlyargs), node.kw_defaults, strict=True)


def _last(expression: ast.expr | str | None) -> str:
    """`c` of `a.b.c`, and of `a.b.c[int]`; empty where there is no such name."""
    if isinstance(expression, ast.Subscript):
        return _last(expression.value)
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return (
        expression.id
        if isinstance(expression, ast.Name)
        else expression
        if isinstance(expression, str)
        else ""
    )


def names_read(text: str) -> frozenset[str]:
    """Names of other modules' things that a test file can speak of: imported ones, attributes,
    and words in its strings, for `getattr` and `monkeypatch`."""
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return _words(text)
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w.]+", str(node.value)):
            names |= set(str(node.value).split("."))
    return frozenset(names)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


def _imported(text: str) -> set[str]:
    try:
        tree = parse_module(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


def _holds_tests(path: str) -> bool:
    stem = path.rpartition("/")[2].removesuffix(".py")
    return stem.startswith("test_") or stem.endswith(("_test", "_tests")) or stem == "tests"
