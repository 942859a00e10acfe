"""Split runs: the tests in one sandbox, the code they call in another, without any test."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from agent.patches.changes import FileChange
from agent.validation.differential.instrumentation import (
    ChangedFunction,
    with_call_observers,
    with_questions,
)
from agent.validation.differential.module_state import Difference, differences, with_values
from agent.validation.tamper_check import Base
from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split.messages import Side
from sandbox.languages.python.runners.split.reports import SplitRunReport
from sandbox.languages.python.runners.split.run import CallMode, run_split
from sandbox.languages.python.runners.split.server import Server
from sandbox.runners.base import FAILING
from sandbox.source import decode_source_lossless

SPLIT_RUN_SECONDS = 45.0
"""One run of some tests; tests that remain then count as not checked."""
SPLIT_RUN_TEST_SECONDS = 15.0
EMPTY_FILES_SCRIPT = """
import json, os, sys
for path in json.load(sys.stdin):
    if os.path.islink(path):
        os.remove(path)
    elif os.path.isfile(path):
        state = os.stat(path)
        with open(path, "w") as file:
            file.write("#" * (state.st_size - 1) + "\\n" * bool(state.st_size))
        os.utime(path, (state.st_atime, state.st_mtime))
"""


@dataclass(frozen=True, kw_only=True)
class SplitRun:
    """Runs tests in one sandbox while the code they call runs in another."""

    open_session: Callable[[], Session]
    """For the tests' side."""
    open_answering: Callable[[], Session]
    """For the other side: what looks like another machine, so that code which is right by the
    marks of the tests' sandbox is wrong there."""
    setup: PytestSetup
    base: Base
    is_test_path: Callable[[str], bool]
    _base_reports: dict[tuple[object, ...], SplitRunReport] = field(
        default_factory=dict, repr=False, compare=False
    )

    def run_base(
        self,
        tests: Sequence[str],
        mode: CallMode,
        functions: Sequence[ChangedFunction],
        values: Sequence[Difference] = (),
    ) -> SplitRunReport:
        """Run tests while the base itself answers: what a patch's own run is held against. Plain
        `values` are set as a patch has them where the tests run. Each such run is made once in a
        repair, however many patches change these functions. Raises SandboxError for
        infrastructure only."""
        base_functions = tuple(replace(function, patched_line=0) for function in functions)
        plain_values = tuple(value for value in values if value.literal is not None)
        key = (tuple(tests), mode, base_functions, plain_values)
        if key not in self._base_reports:
            report = self.run(tests, mode, base_functions, {}, plain_values)
            self._base_reports[key] = replace(report, questions=())
        return self._base_reports[key]

    def run(
        self,
        tests: Sequence[str],
        mode: CallMode,
        functions: Sequence[ChangedFunction],
        changes: Mapping[str, FileChange],
        values: Sequence[Difference] = (),
        max_seconds: float = SPLIT_RUN_SECONDS,
    ) -> SplitRunReport:
        """Run tests while these functions call the other sandbox, which holds the patch (without
        `changes` the base). On the tests' side stands the base where answers are asked for, the
        patch where they are compared. Plain `values` are set there as well. Raises SandboxError
        for infrastructure only."""
        patched_files = {path: new for path, (_, new) in changes.items() if new is not None}
        test_side_files = self._asking(
            functions, mode, patched_files if mode is CallMode.COMPARISON else {}
        )
        test_side_files = with_values(test_side_files, values, self.base, self.module_paths())
        with self.open_answering() as code_session, self.open_session() as tests_session:
            self._hide_tests(code_session)
            for session, files in ((code_session, patched_files), (tests_session, test_side_files)):
                for path, content in files.items():
                    session.write(path, content)
            server = Server(code_session, self.setup, tests_session.identity)
            side = Side.PATCH if changes else Side.BASE
            # A changed file may bind the names of another, as soon as the tests import it.
            for module in self.modules_of(patched_files):
                server.load([module], max_seconds)
            return self._ask(
                tests_session, server, side, tests, mode, test_side_files, max_seconds=max_seconds
            )

    def run_with_base(
        self,
        tests: Sequence[str],
        functions: Sequence[ChangedFunction],
        changes: Mapping[str, FileChange],
        modules: Sequence[str],
    ) -> tuple[SplitRunReport, tuple[Difference, ...]]:
        """Run tests of the base while the patch answers, and a third sandbox, which holds the
        base, is asked the same. What modules hold is compared first (those of `modules`, and
        what they import), and plain data set as the patch has it where the tests run. Raises
        SandboxError for infrastructure only."""
        patched_files = {path: new for path, (_, new) in changes.items() if new is not None}
        with (
            self.open_answering() as patch_session,
            self.open_answering() as base_session,
            self.open_session() as tests_session,
        ):
            for session in (patch_session, base_session):
                self._hide_tests(session)
            for path, content in patched_files.items():
                patch_session.write(path, content)
            patch = Server(patch_session, self.setup, tests_session.identity)
            base = Server(base_session, self.setup, tests_session.identity)
            changed_values = differences(base.module_state(modules), patch.module_state(modules))
            test_side_files = self._asking(functions, CallMode.EXPLANATION, {})
            test_side_files = with_values(
                test_side_files, changed_values, self.base, self.module_paths()
            )
            for path, content in test_side_files.items():
                tests_session.write(path, content)
            mode = CallMode.EXPLANATION
            report = self._ask(
                tests_session, patch, Side.PATCH, tests, mode, test_side_files, base=base
            )
            return report, changed_values

    def _ask(
        self,
        tests_session: Session,
        server: Server,
        side: Side,
        tests: Sequence[str],
        mode: CallMode,
        test_side_files: Mapping[str, bytes],
        *,
        base: Server | None = None,
        max_seconds: float = SPLIT_RUN_SECONDS,
    ) -> SplitRunReport:
        return run_split(
            tests_session,
            self.setup,
            server,
            side,
            tests,
            mode,
            sources=sorted({*self.sources(), *(p for p in test_side_files if p.endswith(".py"))}),
            timeout_seconds=min(SPLIT_RUN_SECONDS, max_seconds),
            test_timeout_seconds=min(SPLIT_RUN_TEST_SECONDS, max_seconds),
            base=base,
        )

    def module_paths(self) -> dict[str, str]:
        """Dotted name as the tests may import it → path, for the files that are no tests."""
        paths_by_module: dict[str, str] = {}
        for path in self.sources():
            for root in (*self.setup.import_roots, "."):
                relative_path = _below(path, root)
                if relative_path is not None:
                    name = (
                        relative_path.removesuffix(".py")
                        .removesuffix("/__init__")
                        .replace("/", ".")
                    )
                    paths_by_module.setdefault(name, path)
        return paths_by_module

    def modules_of(self, paths: Collection[str]) -> list[str]:
        """How the tests may import these files, each by its shortest dotted name; what runs as a
        program is left out."""
        by_length = sorted(self.module_paths().items(), key=lambda item: -len(item[0]))
        names = {path: name for name, path in by_length if path in paths}
        return sorted(name for name in names.values() if not name.endswith("__main__"))

    def _asking(
        self, functions: Sequence[ChangedFunction], mode: CallMode, patched: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The patched files, and those of the functions, instrumented to make calls."""
        transform = with_call_observers if mode is CallMode.COMPARISON else with_questions
        files = dict(patched)
        for path in sorted({function.path for function in functions}):
            if path not in patched and path not in self.base.entries:
                continue  # a new file, while the base is looked at
            source = decode_source_lossless(patched.get(path) or self.base.read(path))
            functions_of_file = [function for function in functions if function.path == path]
            files[path] = source.encode(transform(source.text, functions_of_file))
        return files

    def nearest(self, patched: Sequence[str]) -> list[str]:
        """Source files other than tests: those of the patch first, then by distance from them."""
        unpatched_paths = [path for path in self.sources() if path not in patched]
        unpatched_paths.sort(
            key=lambda path: (
                -max((_common(path, patched_path) for patched_path in patched), default=0)
            )
        )
        return [*patched, *unpatched_paths]

    def test_paths(self) -> list[str]:
        return [path for path in self._python_files() if self.is_test_path(path)]

    def sources(self) -> list[str]:
        return [path for path in self._python_files() if not self.is_test_path(path)]

    def _python_files(self) -> Iterator[str]:
        """No links: what one leads to has a name of its own, or is not the project's."""
        for path, entry in self.base.entries.items():
            if entry.kind == "file" and path.endswith(".py"):
                yield path

    def _hide_tests(self, session: Session) -> None:
        """What the tests expect stands in their files, for code that looks there. The files
        stay, as large and as old as they were: code can look for them, too."""
        tests = [path for path in self.base.entries if self.is_test_path(path)]
        result = session.run(
            [self.setup.python, "-I", "-S", "-c", EMPTY_FILES_SCRIPT],
            timeout_seconds=SPLIT_RUN_TEST_SECONDS,
            stdin=json.dumps(tests).encode(),
        )
        if result.exit_code != 0:
            raise SandboxDied(f"the test files could not be emptied: {result.stderr[-200:]!r}")


def fails_with_base(report: SplitRunReport, test_id: str) -> bool:
    """Whether a test failed where the base answered: only then its passing says something."""
    result = report.report.results.get(test_id)
    return result is not None and result.outcome in FAILING


def _below(path: str, root: str) -> str | None:
    """The path as it is from this folder; None where it is not in it."""
    folder = posixpath.normpath(root)
    if folder == ".":
        return path
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def _common(path: str, other_path: str) -> int:
    """How many folders two paths share."""
    pairs = zip(path.split("/")[:-1], other_path.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
