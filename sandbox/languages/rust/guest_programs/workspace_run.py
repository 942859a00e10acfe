"""The tests of one Cargo workspace: built, listed, and run one by one. Python 3.8+, standard
library only."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from .built_tests import BuiltTests, End, Test
from .cargo import Build, Target, Workspace, build
from .failure_text import MAX_DETAILS, Places, failure

_COMMON = ["--offline", "--message-format=json"]
_SOME = ["cargo", "test", "--no-run", *_COMMON]
_ALL = ["cargo", "build", "--tests", "--keep-going", *_COMMON]
"""`cargo test` builds no more once something failed."""
_PROFILES = ("--release", "-r", "--profile")
_PACKAGES = ("-p", "--package", "--exclude")
Emit = Callable[..., None]


class WorkspaceRun:
    """One run of the tests of a workspace."""

    def __init__(
        self, request: Dict[str, Any], workspace: Workspace, files: List[str], emit: Emit
    ) -> None:
        self.workspace, self._files, self._emit = workspace, files, emit
        self._top = request["workspace"]
        self._options: List[str] = request["options"]
        self._bare = {os.path.join(self._top, path) for path in request["bare"]}
        self._ids: Optional[List[str]] = request["ids"]
        self._skipped = set(request["skip"])
        self.failed, self.seen, self.output = False, 0, ""

    def add(self, files: List[str]) -> None:
        self._files.extend(files)

    def run(self) -> None:
        """Until every test that is wanted has an outcome."""
        wanted: Dict[str, List[Test]] = {}
        unbuilt: Dict[str, str] = {}
        for argv in self._builds():
            made = build(argv, self.workspace)
            wanted, unbuilt = self._collected(made)
            if self._ids is None or self._all_found(wanted) or self._is_hopeless(made):
                break
        for path, text in unbuilt.items():
            self._uncollected(path, text)
        for test_id, tests in wanted.items():
            if test_id not in self._skipped:
                self._run_test(test_id, tests)

    def _is_hopeless(self, made: Build) -> bool:
        """Whether a library cannot be built: then nothing that needs it can."""
        return any(t.kind == "lib" and t.path in made.errors for t in self.workspace.targets)

    def _builds(self) -> List[List[str]]:
        """What Cargo is told: first to build the targets that the names point at, then all."""
        chosen = any(option.partition("=")[0] in _PROFILES for option in self._options)
        everything = _ALL if chosen else [*_ALL, "--profile", "test"]
        has_packages = any(o.partition("=")[0] in ("-p", "--package") for o in self._options)
        if self._ids is None:
            packages = [] if has_packages else ["--workspace"]
            return [[*everything, *packages, *self._options]]
        folders = {self._folder_of(os.path.join(self._top, path)) for path in self._files}
        names = {t.folder: t.package for t in self.workspace.targets if t.folder in folders}
        options = _without_packages(self._options)
        packages = [word for name in sorted(names.values()) for word in ("-p", name)]
        near = self._near() if len(names) == 1 else []
        whole = [*everything, *packages, *options]
        return [[*_SOME, *packages, *options, *near], whole] if near else [whole]

    def _near(self) -> List[str]:
        """The targets that the named files are surely of; none where that is not known."""
        options: Set[str] = set()
        for path in self._files:
            full = os.path.join(self._top, path)
            holding = [t for t in self.workspace.targets if t.is_tested and t.may_hold(full)]
            exact = [target for target in holding if target.path == full]
            library = [target for target in holding if target.kind == "lib"]
            if not exact and not library:
                return []
            chosen = (exact or library)[0]
            named = f"--{chosen.kind}={chosen.name}"
            options.add("--lib" if chosen.kind == "lib" else named)
        return sorted(options)

    def _folder_of(self, path: str) -> str:
        """The folder of the package that a file lies in: the one furthest down."""
        folders = {target.folder for target in self.workspace.targets}
        return max((f for f in folders if path.startswith(f + "/")), key=len, default="")

    def _collected(self, made: Build) -> Tuple[Dict[str, List[Test]], Dict[str, str]]:
        """The tests that are wanted, by their ids, of what was built; and files whose tests are in
        what was not, with the reason."""
        wanted: Dict[str, List[Test]] = {}
        listed: Set[str] = set()
        mute: List[Target] = []
        for target in self.workspace.targets:
            program = made.programs.get(target.path)
            if program is None or target.path in self._bare:
                continue
            tests = BuiltTests(program, target, self.workspace.root).tests()
            if tests is None:
                mute.append(target)
            for test in tests or ():
                test_id = self._id(test)
                listed.add(test.path)
                if self._wanted(test_id):
                    wanted.setdefault(test_id, []).append(test)
        self.output = made.text[-MAX_DETAILS:]
        return wanted, dict(self._unbuilt(made, mute, listed))

    def _id(self, test: Test) -> str:
        top = self._top + "/"
        path = test.path if test.path.startswith(top) else test.program.target.path
        return f"{path[len(top) :] if path.startswith(top) else path}::{test.name}"

    def _wanted(self, test_id: str) -> bool:
        return self._ids is None or any(_lies_in(test_id, asked) for asked in self._ids)

    def _all_found(self, wanted: Dict[str, List[Test]]) -> bool:
        return all(any(_lies_in(one, asked) for one in wanted) for asked in self._ids or ())

    def _unbuilt(
        self, made: Build, mute: List[Target], listed: Set[str]
    ) -> Iterator[Tuple[str, str]]:
        """Files with tests whose programs could not be built, or do not tell their tests."""
        is_whole = not made.rest
        for path in self._files:
            full = os.path.join(self._top, path)
            if full in listed or full in self._bare:
                continue
            holding = [t for t in self.workspace.targets if t.is_tested and t.may_hold(full)]
            silent = [target for target in holding if target in mute]
            if silent:
                yield path, f"the list of its tests cannot be read: {silent[0].name}"
            elif not is_whole and any(t.path not in made.programs for t in holding):
                said = [made.errors[t.path] for t in holding if t.path in made.errors]
                yield path, "\n".join(said) or made.text

    def _uncollected(self, path: str, text: str) -> None:
        self.failed = True
        places = Places(self._top, self.workspace.root, self.workspace.root)
        self._emit("collect_error", path=path, text=places.compiled(text)[:MAX_DETAILS])

    def _run_test(self, test_id: str, tests: List[Test]) -> None:
        """A test that several programs hold is run in each; the worst outcome counts."""
        self._emit("start", id=test_id)
        began = time.monotonic()
        last, end = tests[0], End("skipped", "")
        for test in tests:
            one = End("skipped", "") if test.ignored else test.program.run(test.name)
            if one.outcome != "skipped":
                last, end = test, one
            if end.outcome not in ("passed", "skipped"):
                break
        fields: Dict[str, Any] = {"outcome": end.outcome, "seconds": time.monotonic() - began}
        self.seen += 1
        if end.outcome in ("failed", "crashed"):
            self.failed = True
            folder = last.program.target.folder
            fields.update(
                failure(end.text, last.name, Places(self._top, last.program.root, folder))
            )
        if end.cause:
            fields["message"] = end.cause
            fields["details"] = f"{end.cause}\n{fields['details']}"[:MAX_DETAILS]
        self._emit("result", id=test_id, **fields)


def _lies_in(test_id: str, name: str) -> bool:
    """Whether a name is that of the test, or of what it lies in."""
    return test_id == name or test_id.startswith(name + "::")


def _without_packages(options: List[str]) -> List[str]:
    kept: List[str] = []
    queue = list(options)
    while queue:
        word = queue.pop(0)
        if word.partition("=")[0] in _PACKAGES:
            queue = queue if "=" in word else queue[1:]
        else:
            kept.append(word)
    return kept
