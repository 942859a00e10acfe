"""Two sandboxes for one run: the tests in one, in the other what they call, but no test."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from agent.patches.changes import FileChange, decode_source
from agent.validation.differential.instrumentation import Changed, with_questions, with_witnesses
from agent.validation.differential.module_state import Difference, differences, with_values
from agent.validation.tamper_check import Base
from sandbox.base import Session
from sandbox.errors import SandboxDied
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.languages.python.runners.split import CallMode, Server, Side, SplitRunReport, run_split

RUN_SECONDS = 45.0
"""One run of some tests; what is left over then counts as not checked."""
TEST_SECONDS = 15.0
EMPTY = """
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
    """What is the same for every such run of one repair."""

    open_session: Callable[[], Session]
    """For the tests' side."""
    open_answering: Callable[[], Session]
    """For the other side: what looks like another machine, so that code which is right by the
    marks of the tests' sandbox is wrong there."""
    setup: PytestSetup
    base: Base
    is_test_path: Callable[[str], bool]

    def run(
        self,
        tests: Sequence[str],
        asked: CallMode,
        functions: Sequence[Changed],
        changes: Mapping[str, FileChange],
    ) -> SplitRunReport:
        """Run tests while these functions ask the other sandbox, which holds the patch (without
        `changes` the base). On the tests' side stands the base where answers are asked for, the
        patch where they are compared. Raises SandboxError for infrastructure only."""
        there = {path: new for path, (_, new) in changes.items() if new is not None}
        here = self._asking(functions, asked, there if asked is CallMode.COMPARISON else {})
        with self.open_answering() as code, self.open_session() as desk:
            self._hide_tests(code)
            for session, files in ((code, there), (desk, here)):
                for path, content in files.items():
                    session.write(path, content)
            server = Server(code, self.setup, desk.identity)
            side = Side.PATCH if changes else Side.BASE
            return self._ask(desk, server, side, tests, asked, here)

    def both(
        self,
        tests: Sequence[str],
        functions: Sequence[Changed],
        changes: Mapping[str, FileChange],
        portrayed: Sequence[str],
    ) -> tuple[SplitRunReport, tuple[Difference, ...]]:
        """Run tests of the base while the patch answers, and a third sandbox, which holds the
        base, is asked the same. What modules hold is compared first (those of `portrayed`, and
        what they import), and plain data set as the patch has it where the tests run. Raises
        SandboxError for infrastructure only."""
        there = {path: new for path, (_, new) in changes.items() if new is not None}
        with (
            self.open_answering() as code,
            self.open_answering() as plain,
            self.open_session() as desk,
        ):
            for session in (code, plain):
                self._hide_tests(session)
            for path, content in there.items():
                code.write(path, content)
            patch = Server(code, self.setup, desk.identity)
            base = Server(plain, self.setup, desk.identity)
            found = differences(base.module_state(portrayed), patch.module_state(portrayed))
            here = self._asking(functions, CallMode.EXPLANATION, {})
            here = with_values(here, found, self.base, self.module_paths())
            for path, content in here.items():
                desk.write(path, content)
            asked = CallMode.EXPLANATION
            report = self._ask(desk, patch, Side.PATCH, tests, asked, here, base=base)
            return report, found

    def _ask(
        self,
        desk: Session,
        server: Server,
        side: Side,
        tests: Sequence[str],
        asked: CallMode,
        here: Mapping[str, bytes],
        *,
        base: Server | None = None,
    ) -> SplitRunReport:
        return run_split(
            desk,
            self.setup,
            server,
            side,
            tests,
            asked,
            sources=sorted({*self.sources(), *(p for p in here if p.endswith(".py"))}),
            timeout_seconds=RUN_SECONDS,
            test_timeout_seconds=TEST_SECONDS,
            base=base,
        )

    def module_paths(self) -> dict[str, str]:
        """Dotted name as the tests may import it → path, for the files that are no tests."""
        found: dict[str, str] = {}
        for path in self.sources():
            for root in (*self.setup.import_roots, "."):
                inside = _below(path, root)
                if inside is not None:
                    name = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
                    found.setdefault(name, path)
        return found

    def _asking(
        self, functions: Sequence[Changed], asked: CallMode, patched: Mapping[str, bytes]
    ) -> dict[str, bytes]:
        """The patched files, and those of the functions, which ask in them."""
        edited = with_witnesses if asked is CallMode.COMPARISON else with_questions
        files = dict(patched)
        for path in sorted({one.path for one in functions}):
            if path not in patched and path not in self.base.entries:
                continue  # a new file, while the base is looked at
            source = decode_source(patched.get(path) or self.base.read(path))
            chosen = [one for one in functions if one.path == path]
            files[path] = source.encode(edited(source.text, chosen))
        return files

    def nearest(self, patched: Sequence[str]) -> list[str]:
        """Files that are no tests: those of the patch first, then what stands nearest to them."""
        others = [path for path in self.sources() if path not in patched]
        others.sort(key=lambda path: -max((_common(path, one) for one in patched), default=0))
        return [*patched, *others]

    def test_paths(self) -> list[str]:
        paths = self.base.entries.keys()
        return [p for p in paths if p.endswith(".py") and self.is_test_path(p)]

    def sources(self) -> list[str]:
        paths = self.base.entries.keys()
        return [p for p in paths if p.endswith(".py") and not self.is_test_path(p)]

    def _hide_tests(self, session: Session) -> None:
        """What the tests expect stands in their files, for code that looks there. The files
        stay, as large and as old as they were: code can look for them, too."""
        tests = [path for path in self.base.entries if self.is_test_path(path)]
        result = session.run(
            [self.setup.python, "-I", "-S", "-c", EMPTY],
            timeout_seconds=TEST_SECONDS,
            stdin=json.dumps(tests).encode(),
        )
        if result.exit_code != 0:
            raise SandboxDied(f"the test files could not be emptied: {result.stderr[-200:]!r}")


def _below(path: str, root: str) -> str | None:
    """The path as it is from this folder; None where it is not in it."""
    folder = posixpath.normpath(root)
    if folder == ".":
        return path
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def _common(one: str, other: str) -> int:
    """How many folders two paths share."""
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
