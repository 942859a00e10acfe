"""Cargo, and what it says of a project. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any, Dict, Iterator, List, Optional, Tuple

MAX_OUTPUT_BYTES = 64 << 20
MAX_ERROR_BYTES = 64 << 10
_OTHER_KINDS = ("bin", "test", "example", "bench", "custom-build")


def run(argv: List[str], folder: str) -> Tuple[int, bytes, str]:
    """Exit status, output, and the end of what it said beside that."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            status = subprocess.call(
                argv,
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )
        except (OSError, ValueError) as error:
            return 127, b"", str(error)
        output.seek(0)
        size = errors.seek(0, 2)
        errors.seek(max(0, size - MAX_ERROR_BYTES))
        text = errors.read().decode("utf-8", "replace")
        return status, output.read(MAX_OUTPUT_BYTES), text


def environment(**variables: str) -> Dict[str, str]:
    result = {**os.environ, **variables}
    result.pop("REPAIR_IMPORT_ROOTS", None)  # set by what started this program
    return result


class Target:
    """Something that Cargo builds of a package."""

    def __init__(self, package: Dict[str, Any], target: Dict[str, Any]) -> None:
        kinds = target["kind"]
        self.kind = kinds[0] if kinds and kinds[0] in _OTHER_KINDS else "lib"
        self.name = target["name"]
        self.path = os.path.realpath(target["src_path"])
        self.package = package["name"]
        self.version = package["version"]
        self.folder = os.path.dirname(os.path.realpath(package["manifest_path"]))
        self.is_tested = bool(target.get("test")) and not target.get("required-features")

    def may_hold(self, path: str) -> bool:
        """Whether a file may be compiled into it."""
        folder = os.path.dirname(self.path)
        if path == self.path:
            return True
        if self.kind == "test" and os.path.dirname(folder) != self.folder + "/tests":
            return False
        roots = ("lib.rs", "main.rs")
        is_other_root = os.path.basename(path) in roots and os.path.dirname(path) == folder
        return path.startswith(folder + "/") and not is_other_root


class Workspace:
    """A Cargo workspace, or a package on its own."""

    def __init__(self, root: str, targets: List[Target]) -> None:
        self.root, self.targets = root, targets

    def holds(self, folder: str) -> bool:
        """Whether a package of it lies in this folder."""
        return any(target.folder == folder for target in self.targets)


def read_workspace(folder: str) -> Tuple[Optional[Workspace], str]:
    """The workspace that the package in a folder is of, or why it cannot be read."""
    status, output, errors = run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"], folder
    )
    try:
        document = json.loads(output)
        members = set(document["workspace_members"])
        targets = [
            Target(package, target)
            for package in document["packages"]
            if package["id"] in members
            for target in package["targets"]
        ]
        return Workspace(os.path.realpath(document["workspace_root"]), targets), ""
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None, errors or f"cargo metadata ended with {status}"


class Build:
    """What one `cargo test --no-run` made."""

    def __init__(self) -> None:
        self.programs: Dict[str, str] = {}
        """Source of a target → its program of tests."""
        self.errors: Dict[str, str] = {}
        """Source of a target → what the compiler said of it."""
        self.rest = ""
        """What was said beside that, where it failed."""

    @property
    def text(self) -> str:
        """All that went wrong."""
        return "\n".join([*self.errors.values()] or [self.rest])


def build(argv: List[str], workspace: Workspace) -> Build:
    """Build programs of tests. The lock file stays as it was."""
    lock = os.path.join(workspace.root, "Cargo.lock")
    before = _content(lock)
    status, output, errors = run(argv, workspace.root)
    if _content(lock) != before:
        _put(lock, before)
    result = Build()
    for message in _messages(output):
        target = message.get("target")
        path = target.get("src_path") if isinstance(target, dict) else None
        if not isinstance(path, str):
            continue
        path = os.path.realpath(path)
        said, program = message.get("message"), message.get("executable")
        if isinstance(said, dict) and str(said.get("level")).startswith("error"):
            kept = result.errors.get(path, "")
            result.errors[path] = (kept + str(said.get("rendered", "")))[:MAX_ERROR_BYTES]
        profile = message.get("profile")
        if isinstance(program, str) and isinstance(profile, dict) and profile.get("test"):
            result.programs[path] = program
    if status != 0:
        result.rest = errors
    return result


def _messages(output: bytes) -> Iterator[Dict[str, Any]]:
    for line in output.split(b"\n"):
        if line.startswith(b"{"):
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                yield message


def _content(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except OSError:
        return None


def _put(path: str, content: Optional[bytes]) -> None:
    try:
        if content is None:
            os.unlink(path)
        else:
            with open(path, "wb") as stream:
                stream.write(content)
    except OSError:
        pass


def link_packages(source: str, home: str) -> None:
    """Give Cargo a home in which it can write, with what was downloaded: by links, since the folder
    that it lies in is read-only."""
    try:
        os.makedirs(home, exist_ok=True)
        for name in os.listdir(source) if os.path.isdir(source) else ():
            if not os.path.lexists(os.path.join(home, name)) and not name.startswith("."):
                os.symlink(os.path.join(source, name), os.path.join(home, name))
    except OSError:
        pass
