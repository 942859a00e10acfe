"""Is a patch equal in behaviour to the developers' own?

Three signs, strongest first: the changed file parses to the same program; the whole test suite
of the fix says the same of both; and calls recorded from the tests on the developers' version,
repeated with changed arguments, give the same results in both.
"""

from __future__ import annotations

import ast
import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.reporting import Record
from benchmarks.suite import run_confined, run_suite

GUEST = Path(__file__).with_name("calls_guest.py")
SEED = "1"
MUTANTS = 8
"""Changed copies of each recorded call."""
ENOUGH_CALLS = 30
"""Fewer compared calls than this say nothing."""
QUICK_SECONDS = 0.2
"""Slower calls are left out: a busy machine could make one of them look as if it hung."""
REPLAY_SECONDS = 240.0


class Equivalence(StrEnum):
    EQUAL = "equal"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class CallAgreement:
    """How two versions compare over the recorded calls and their changed copies."""

    compared: int
    differing: int
    telling: int
    """Calls on which the developers' version and the unpatched base differ."""
    example: str


def normalized(source: bytes) -> str:
    """Return the program without comments, layout and docstrings; raises SyntaxError."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        kept = [statement for statement in body if not _is_bare_constant(statement)]
        body[:] = kept or body
    return ast.dump(tree)


def _is_bare_constant(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def same_program(one: bytes, other: bytes) -> bool:
    try:
        return normalized(one) == normalized(other)
    except (SyntaxError, ValueError):
        return False


def changed_functions(one: bytes, other: bytes) -> list[str]:
    """Return the qualified names of the functions whose code is not the same in both."""
    first, second = _functions(one), _functions(other)
    return sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )


def _functions(source: bytes) -> dict[str, str]:
    found: dict[str, str] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                found[prefix + child.name] = ast.dump(child)
                visit(child, f"{prefix}{child.name}.<locals>.")
            elif isinstance(child, ast.ClassDef):
                visit(child, f"{prefix}{child.name}.")
            else:
                visit(child, prefix)

    visit(ast.parse(source), "")
    return found


@dataclass(frozen=True, kw_only=True)
class Version:
    """A copy of the project on disk."""

    folder: Path
    import_root: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The three copies of one bug, and how to run them."""

    base: Version
    ours: Version
    theirs: Version
    source: str
    test_files: tuple[str, ...]
    python: str
    suite_seconds: float

    def judge(self) -> Record:
        """Return the verdict with its reasons, as plain data."""
        ours, theirs = (
            (version.folder / self.source).read_bytes() for version in (self.ours, self.theirs)
        )
        if same_program(ours, theirs):
            return {"equivalence": Equivalence.EQUAL, "why": "the same program"}
        lost = self.lost_tests()
        if lost:
            return {"equivalence": Equivalence.DIFFERS, "why": "tests", "lost_tests": lost[:20]}
        calls = self.compare_calls()
        return {"equivalence": verdict_of(calls), "why": "calls", "calls": asdict(calls)}

    def lost_tests(self) -> list[str]:
        """Tests of the whole suite that always pass with the developers' fix, but not with ours."""
        ours = self._suite(self.ours)
        missing = self._suite(self.theirs) - ours
        if missing:  # tell flaky tests from lost ones
            missing &= self._suite(self.theirs)
            missing -= self._suite(self.ours)
        return sorted(missing)

    def _suite(self, version: Version) -> frozenset[str]:
        return run_suite(
            version.folder,
            python=self.python,
            timeout_seconds=self.suite_seconds,
            import_roots=[version.import_root],
            options=["--continue-on-collection-errors"],
        ).passed

    def compare_calls(self) -> CallAgreement:
        """Record on the developers' version; replay on all three."""
        calls = self._record()
        if calls is None:
            return CallAgreement(compared=0, differing=0, telling=0, example="no call recorded")
        theirs = self._replay(self.theirs, calls, at_most_seconds=QUICK_SECONDS)
        again = self._replay(self.theirs, calls)
        stable = {call: said for call, said in theirs.items() if again.get(call) == said}
        return agreement(stable, self._replay(self.ours, calls), self._replay(self.base, calls))

    def _record(self) -> bytes | None:
        folder = self.theirs.folder
        sources = [
            (version.folder / self.source).read_bytes() for version in (self.base, self.ours)
        ]
        fixed = (folder / self.source).read_bytes()
        functions = {name for other in sources for name in changed_functions(fixed, other)}
        guest = self._place_guest(self.theirs)
        settings = guest / "settings.json"
        settings.write_text(
            json.dumps(
                {
                    "source": str(folder / self.source),
                    "functions": sorted(functions),
                    "tests": [str(folder / path) for path in self.test_files],
                }
            )
        )
        out = guest / "calls.pickle"
        run_suite(
            folder,
            python=self.python,
            targets=self.test_files,
            timeout_seconds=self.suite_seconds,
            import_roots=[self.theirs.import_root, guest.name],
            options=["-p", "calls_guest", "--continue-on-collection-errors"],
            variables={"REPAIR_CALLS_SETTINGS": str(settings), "REPAIR_CALLS_OUT": str(out)},
        )
        return out.read_bytes() if out.exists() else None

    def _replay(
        self, version: Version, calls: bytes, *, at_most_seconds: float = math.inf
    ) -> dict[tuple[int, int], str]:
        guest = self._place_guest(version)
        (guest / "calls.pickle").write_bytes(calls)
        path = f"{version.folder / version.import_root}:{version.folder}"
        _, output = run_confined(
            [self.python, str(guest / GUEST.name), str(guest / "calls.pickle"), SEED, str(MUTANTS)],
            cwd=version.folder,
            writable=version.folder,
            timeout_seconds=REPLAY_SECONDS,
            variables={"PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"},
            separate_errors=True,
        )
        shutil.rmtree(guest)
        return read_replay(output, at_most_seconds)

    @staticmethod
    def _place_guest(version: Version) -> Path:
        guest = version.folder / ".benchmark-calls"
        guest.mkdir(exist_ok=True)
        shutil.copyfile(GUEST, guest / GUEST.name)
        return guest


def read_replay(output: str, at_most_seconds: float = math.inf) -> dict[tuple[int, int], str]:
    """Return call → what it said, without calls that could not be made or took longer."""
    said: dict[tuple[int, int], str] = {}
    for line in output.splitlines():
        try:
            row = json.loads(line)
            place, number = row["call"]
        except (ValueError, KeyError, TypeError):
            continue
        if not row["said"].startswith("unusable") and row["seconds"] <= at_most_seconds:
            said[place, number] = row["said"]
    return said


def agreement(
    theirs: Mapping[tuple[int, int], str],
    ours: Mapping[tuple[int, int], str],
    base: Mapping[tuple[int, int], str],
) -> CallAgreement:
    """Compare call by call; a call that ours could not answer differs."""
    differing = [call for call, said in theirs.items() if ours.get(call) != said]
    telling = [call for call, said in theirs.items() if base.get(call) != said]
    example = ""
    if differing:
        call = differing[0]
        example = f"call {call}: {theirs[call]:.300} but {ours.get(call, 'nothing'):.300}"
    return CallAgreement(
        compared=len(theirs), differing=len(differing), telling=len(telling), example=example
    )


def verdict_of(calls: CallAgreement) -> Equivalence:
    """Agreement counts only where the calls can tell the fix from the bug."""
    if calls.differing:
        return Equivalence.DIFFERS
    if calls.compared >= ENOUGH_CALLS and calls.telling:
        return Equivalence.EQUAL
    return Equivalence.UNKNOWN
