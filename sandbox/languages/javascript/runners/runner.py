"""Runs the tests of a JavaScript project through a reporter of our own."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, ClassVar

from sandbox.base import MEBIBYTE, Session
from sandbox.evaluation.resident import ResidentProgram
from sandbox.languages.coverage import CoverageReport, LineCollector
from sandbox.languages.javascript.detection.project import Framework, TestedPackage
from sandbox.languages.javascript.detection.variables import allowed_variables
from sandbox.languages.python.runners.guest_sources import guest_source
from sandbox.runners.base import OnProgress, TestReport
from sandbox.runners.byte_budget import ByteBudget
from sandbox.runners.program import BOOT, Program, start
from sandbox.runners.restarts import GuestRun, run_with_restarts
from sandbox.runners.test_ids import named_file

_FOLDER = resources.files("sandbox.languages.javascript.guest_programs")
_DRIVER = "test_files"
_RESIDENT = "resident"
_MODULES = ("emitting", "node_process", "reported", "packages", _DRIVER, _RESIDENT)
_REPORTERS = {
    Framework.NODE_TEST: "reporters/node_test.js",
    Framework.PROGRAMS: "reporters/node_test.js",
    Framework.MOCHA: "reporters/mocha.js",
    Framework.JEST: "reporters/jest.js",
    Framework.VITEST: "reporters/vitest.js",
}
_RESIDENTS = {Framework.MOCHA: "residents/mocha.js", Framework.JEST: "residents/jest.js"}
"""Of the frameworks that can run the same tests again in one process."""
RESIDENT_START_SECONDS = 60.0
MAX_RESIDENT_BYTES = 256 * MEBIBYTE
"""What a process that stays may say: 10 KB in each of twenty thousand turns."""
_LINES = ("reporters/lines.js", "reporters/lines_told.js")
_INSIDE = "reporters/vitest_runner.mjs"
"""Of vitest: its tests run in other processes than the reporter."""
_MOCHA = "node_modules/mocha/lib/cli/cli.js"
_JEST = "node_modules/jest/bin/jest.js"
_JEST_OPTIONS = (
    *("--reporters", "{reporter}", "--runInBand", "--ci", "--watchAll=false", "--watchman=false"),
    *("--coverage=false", "--bail=0", "--passWithNoTests", "--no-colors"),
)
_VITEST = "node_modules/vitest/vitest.mjs"
_VITEST_OPTIONS = (
    *("--reporter", "{reporter}", "--watch=false", "--coverage.enabled=false", "--bail=0"),
    *("--passWithNoTests", "--no-file-parallelism"),
)
_MOCHA_OPTIONS = (
    *("--reporter", "{reporter}", "--full-trace", "--no-parallel", "--no-bail"),
    *("--no-watch", "--no-color"),
)
_PROGRAMS: Mapping[Framework, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Framework.MOCHA: ((_MOCHA,), _MOCHA_OPTIONS),
    Framework.JEST: ((_JEST,), _JEST_OPTIONS),
    Framework.VITEST: ((_VITEST, "run"), _VITEST_OPTIONS),
}
_LOADED_FIRST = ("--require", "{reporter}")
"""Before any code of the project, see `guest_programs/reporters/channel.js`."""


@dataclass(kw_only=True)
class JavaScriptRunner:
    """`TestRunner` for every `Framework`. Test ids are `path::suite::test`; a path,
    or a suite, stands for the tests in it."""

    __test__: ClassVar[bool] = False
    packages: tuple[TestedPackage, ...]
    """Whose tests run, one after the other."""
    python: str
    """Interpreter inside the sandbox, for the program that starts Node."""
    node_version: tuple[int, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    name: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.name = " and ".join(dict.fromkeys(one.framework.value for one in self.packages))

    def run(
        self,
        session: Session,
        test_ids: Sequence[str] | None = None,
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
        on_progress: OnProgress | None = None,
    ) -> TestReport:
        """Run the named tests, or all. A name that no test has gives no result: it never passes."""
        return run_with_restarts(
            session,
            self._guest(self._request(test_ids)),
            test_ids,
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            on_progress=on_progress,
        )

    @property
    def records_lines(self) -> bool:
        """Whether `lines` can say something: of programs no test begins or ends."""
        return any(one.framework is not Framework.PROGRAMS for one in self.packages)

    def lines(
        self,
        session: Session,
        test_ids: Sequence[str],
        *,
        timeout_seconds: float,
        test_timeout_seconds: float | None = None,
    ) -> CoverageReport:
        """Run the named tests and record which lines of the project each of them ran; what is
        translated before it runs is told by the lines of its sources."""
        collector = LineCollector()
        request = self._request(test_ids, with_lines=True)
        report = run_with_restarts(
            session,
            self._guest(request),
            test_ids,
            timeout_seconds=timeout_seconds,
            test_timeout_seconds=test_timeout_seconds,
            listener=collector.take,
        )
        return collector.collected(report)

    def _guest(self, request: Mapping[str, Any]) -> GuestRun:
        return GuestRun(
            entry=_DRIVER,
            python=self.python,
            request=request,
            env=dict(self.env) or None,
            sources=_sources,
        )

    def resident(self, session: Session, test_ids: Sequence[str]) -> ResidentNode | None:
        """These tests in a process that stays; None where they cannot be. Raises SandboxDied."""
        paths = {named_file(test_id) for test_id in test_ids}
        folders = {self._holder(path) for path in paths}
        package = next(one for one in self.packages if one.folder == min(folders))
        program = _RESIDENTS.get(package.framework)
        if program is None or len(folders) > 1:
            return None
        request = self._request(test_ids, behind=("residents/turns.js", program))
        request["ids"] = list(test_ids)

        def start_program() -> Program:
            return start(
                session,
                self.python,
                _RESIDENT,
                request,
                _sources(),
                dict(self.env) or None,
                ByteBudget(MAX_RESIDENT_BYTES),
            )

        return ResidentNode(start_program, RESIDENT_START_SECONDS)

    def _request(
        self,
        test_ids: Sequence[str] | None,
        *,
        with_lines: bool = False,
        behind: Sequence[str] = (),
    ) -> dict[str, Any]:
        """How the tests run. `behind` names parts that stand behind that of the framework, in the
        reporter that is loaded first."""
        paths = {named_file(test_id) for test_id in test_ids or ()}
        packages = [self._of_package(package, paths) for package in self.packages]
        for package, request in zip(self.packages, packages, strict=True):
            lines = _LINES if with_lines else ()
            if package.framework is Framework.VITEST:  # its tests run where the reporter is not
                request["runner"] = "".join(map(_text, (*lines[:1], _INSIDE)))
                lines = ()
            parts = ("reporters/channel.js", *lines, _REPORTERS[package.framework], *behind)
            request["reporter"] = "".join(map(_text, parts))
        return {"packages": packages, "major": self.node_version[0]}

    def _of_package(self, package: TestedPackage, paths: AbstractSet[str]) -> dict[str, Any]:
        """How the tests of one package run. `paths` are the files that are asked for."""
        framework, tests = package.framework, package.tests
        node = ("node", *_LOADED_FIRST, *tests.node_options)
        program, options = _PROGRAMS.get(framework, ((), ()))
        own_paths = {path for path in paths if self._holder(path) == package.folder}
        # A canary lies beside the project's own files, and is named like any other test.
        new_paths = sorted(own_paths.difference(tests.files))
        return {
            "framework": framework.value,
            "runner": "",
            "argv": [*node, *program],
            "options": [*tests.arguments, *options],
            "places": [*tests.places, *(_from(package.folder, path) for path in new_paths)],
            "files": [*tests.files, *new_paths],
            "folder": package.folder,
            "variables": dict(allowed_variables(tests.variables)),
        }

    def _holder(self, path: str) -> str:
        """The folder of the innermost package around a file."""
        folders = (package.folder for package in self.packages if package.holds(path))
        return max(folders, key=len, default=self.packages[0].folder)


class ResidentNode(ResidentProgram):
    """Implements `sandbox.evaluation.resident.ResidentTests`."""

    def broken(self, text: str) -> str:
        first, separator, rest = text.partition("\n") if text.startswith("#!") else ("", "", text)
        return f"{first}{separator}throw new Error('loaded');{rest}"


def _from(folder: str, path: str) -> str:
    """A path as it is called in a folder."""
    return posixpath.relpath(path, folder) if folder else path


def _sources() -> Mapping[str, str]:
    return {BOOT: guest_source(BOOT), **{name: _text(f"{name}.py") for name in _MODULES}}


def node_version(toolchain: str) -> tuple[int, ...]:
    """The numbers of `Node 22.1.0`. Raises ValueError for anything else."""
    match = re.fullmatch(r"Node (\d+)\.(\d+)\.(\d+)", toolchain)
    if match is None:
        raise ValueError(f"{toolchain!r} names no version of Node")
    return tuple(map(int, match.groups()))


def _text(name: str) -> str:
    return _FOLDER.joinpath(name).read_text(encoding="utf-8")
