"""Running a project's tests by ourselves, apart from the product, on a patched copy."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MEMORY_BYTES = 4 * 1024**3
OUTCOMES = {"error": "error", "failure": "failed", "skipped": "skipped"}


@dataclass(frozen=True, kw_only=True)
class SuiteRun:
    """What one pytest run said."""

    outcomes: Mapping[str, str]
    """`classname::name` of JUnit → passed, failed, error or skipped."""
    exit_code: int | None
    """None when it ran out of time."""
    tail: str

    @property
    def passed(self) -> frozenset[str]:
        return frozenset(name for name, outcome in self.outcomes.items() if outcome == "passed")


def confined(argv: Sequence[str], writable: Path, show: Sequence[Path] = ()) -> list[str]:
    """Return the command without network and with one writable folder, where bubblewrap is here.

    `show`: folders that the command reads, wherever they lie.

    A repaired program is still a program that nobody has read.
    """
    if shutil.which("bwrap") is None:
        return list(argv)
    place = str(writable.resolve())
    return [
        *("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"),
        *_visible([Path(__file__).parent.parent, Path(argv[0]).parent.parent, *show]),
        *("--bind", place, place, "--unshare-net", "--unshare-pid", "--die-with-parent"),
        "--",
        *argv,
    ]


def _visible(places: Sequence[Path]) -> list[str]:
    """Mounts that bring back what the fresh /tmp hides."""
    hidden = Path("/tmp")
    return [
        word
        for place in places
        if place.absolute().is_relative_to(hidden)
        for word in ("--ro-bind", str(place.absolute()), str(place.absolute()))
    ]


def limited(argv: Sequence[str]) -> list[str]:
    """Return the command with a bound on its memory, where the system has the means."""
    if shutil.which("prlimit") is None:
        return list(argv)
    return ["prlimit", f"--as={MEMORY_BYTES}", *argv]


def run_confined(
    argv: Sequence[str],
    *,
    cwd: Path,
    writable: Path,
    timeout_seconds: float,
    variables: Mapping[str, str] | None = None,
    show: Sequence[Path] = (),
    separate_errors: bool = False,
) -> tuple[int | None, str]:
    """Run to the end or the time-out; return the exit code (None at a time-out) and the output.

    stderr is part of the output, unless `separate_errors` throws it away.
    """
    try:
        ended = subprocess.run(
            limited(confined(argv, writable, show)),
            cwd=cwd,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if separate_errors else subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode("utf-8", "replace")
    return ended.returncode, ended.stdout.decode("utf-8", "replace")


def run_suite(
    folder: Path,
    *,
    python: str,
    targets: Sequence[str] = (),
    timeout_seconds: float,
    import_roots: Sequence[str] = (),
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> SuiteRun:
    """Run pytest in `folder` and read its JUnit report.

    `import_roots` (relative) go first on the import path, so that the folder's own package is
    the one that is tested, whatever the interpreter has installed.
    """
    report = folder / ".benchmark-report.xml"
    report.unlink(missing_ok=True)
    path = os.pathsep.join(str(folder / root) for root in import_roots)
    exit_code, output = run_confined(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}",
         *options, *targets],
        cwd=folder,
        writable=folder,
        timeout_seconds=timeout_seconds,
        variables={"PYTHONHASHSEED": "0", "PYTHONPATH": path, **(variables or {})},
    )  # fmt: skip
    outcomes = read_junit(report) if report.exists() else {}
    report.unlink(missing_ok=True)
    return SuiteRun(outcomes=outcomes, exit_code=exit_code, tail=output[-2000:])


def read_junit(report: Path) -> dict[str, str]:
    """Return test → outcome. A test reported twice (its tear-down failed) keeps the worse."""
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        worst = [kind for kind in ("error", "failure", "skipped") if kind in kinds]
        outcome = OUTCOMES[worst[0]] if worst else "passed"
        if outcomes.get(name, "passed") in ("passed", "skipped"):
            outcomes[name] = outcome
    return outcomes


def junit_name(node_id: str) -> str:
    """Return the JUnit name of a pytest node id, as pytest's default report writes it."""
    path, _, rest = node_id.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    bracket = rest.find("[")
    plain, parameters = (rest, "") if bracket < 0 else (rest[:bracket], rest[bracket:])
    *classes, name = plain.split("::")
    return "::".join((".".join((module, *classes)), name + parameters))


def apply_patch(folder: Path, diff: str) -> str:
    """Apply a unified diff with git; return an empty text, or why it does not apply."""
    with tempfile.NamedTemporaryFile("w", suffix=".diff", encoding="utf-8", newline="") as file:
        file.write(diff)
        file.flush()
        ended = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", file.name],
            cwd=folder,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)},
            capture_output=True,
            text=True,
            check=False,
        )
    return ended.stderr.strip() if ended.returncode else ""


def unified_diff(before: bytes, after: bytes, path: str) -> str:
    """Return the patch from one text to another, as `git apply` takes it; CRLF stays CRLF."""
    old, new = (
        [line for line in re.split(r"(?<=\n)", content.decode("utf-8")) if line]
        for content in (before, after)
    )
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
