"""Pythons of this machine, each one verified by running it."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sandbox.base import Environment, Interpreter
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import PythonNotFound
from sandbox.host import programs

OLDEST_PYTHON_VERSION = (3, 8, 0)
"""The guest does not run on anything older."""
INTERPRETER_SCRIPT = (
    "import json, sys; print(json.dumps([getattr(sys, '_base_executable', sys.executable),"
    " list(sys.version_info[:3]), sys.base_prefix, sys.base_exec_prefix, sys.prefix]))"
)


@dataclass(frozen=True, kw_only=True)
class HostInterpreter:
    """A base interpreter (never a virtual environment's) that ran when asked."""

    path: str
    version: tuple[int, int, int]
    prefixes: tuple[str, ...]
    """Folders it needs to be readable."""

    def public(self) -> Interpreter:
        return Interpreter(path=self.path, version=self.version, compiler=self._compiler())

    def _compiler(self) -> bool:
        major, minor, _ = self.version
        headers = f"include/python{major}.{minor}/Python.h"
        has_headers = any(Path(prefix, headers).is_file() for prefix in self.prefixes)
        return has_headers and any(programs.program(name) for name in ("cc", "gcc", "clang"))


@functools.cache
def host_interpreters() -> tuple[HostInterpreter, ...]:
    """Return the Pythons found on this machine, newest first, one for each real file."""
    candidates = {os.path.realpath(path): path for path in sorted(_candidates(), reverse=True)}
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(ask, candidates.values())
    by_real_path = {os.path.realpath(answer.path): answer for answer in answers if answer}
    return tuple(
        sorted(
            by_real_path.values(),
            key=lambda interpreter: (interpreter.version, interpreter.path),
            reverse=True,
        )
    )


@functools.cache
def ask(path: str) -> HostInterpreter | None:
    """Run an interpreter and return what it says of itself; None when it is of no use."""
    try:
        result = programs.run([path, "-I", "-S", "-c", INTERPRETER_SCRIPT], timeout_seconds=20)
        executable, version, *prefixes = json.loads(result.stdout)
    except (OSError, programs.TookTooLong, ValueError):
        return None
    if tuple(version) < OLDEST_PYTHON_VERSION:
        return None
    base = _base_executable(executable, version, prefixes[0])
    if base != executable and base != path:
        return ask(base)
    major, minor, micro = version
    return HostInterpreter(
        path=executable, version=(major, minor, micro), prefixes=tuple(dict.fromkeys(prefixes))
    )


def bare_environment() -> Environment:
    """Return an environment of nothing but the newest Python of this machine."""
    newest = next(iter(host_interpreters()), None)
    if newest is None:
        raise PythonNotFound("no Python 3.8 or newer was found on this machine")
    return Environment(key="", python=newest.path, python_version=newest.version)


def host_environment_key_parts(
    sandbox: str, interpreter: Interpreter, settings: BuildSettings
) -> tuple[str, ...]:
    """`Sandbox.environment_key_parts` where interpreters are this machine's."""
    version = ".".join(map(str, interpreter.version))
    return (sandbox, interpreter.path, version, *settings.package_sources())


def need(path: str) -> HostInterpreter:
    """Return the interpreter at `path`, or raise PythonNotFound."""
    answer = ask(path)
    if answer is None:
        oldest = ".".join(map(str, OLDEST_PYTHON_VERSION[:2]))
        raise PythonNotFound(f"{path} is not a Python {oldest} or newer that runs here")
    return answer


def _base_executable(executable: str, version: list[int], base_prefix: str) -> str:
    """Python 3.8 to 3.10 know no base executable inside a virtual environment."""
    if Path(executable).is_relative_to(base_prefix):
        return executable
    candidate = Path(base_prefix) / "bin" / f"python{version[0]}.{version[1]}"
    return str(candidate) if os.access(candidate, os.X_OK) else executable


def _candidates() -> set[str]:
    home = Path.home()
    folders = [Path(part) for part in programs.search_path().split(os.pathsep)]
    folders += [Path("/usr/bin"), Path("/usr/local/bin"), Path("/opt/homebrew/bin")]
    for pattern in (
        ".pyenv/versions/*/bin",
        ".local/share/uv/python/*/bin",
        ".local/share/mise/installs/python/*/bin",
        ".asdf/installs/python/*/bin",
    ):
        folders += home.glob(pattern)
    paths = {sys.executable}
    for folder in dict.fromkeys(folders):
        if folder.name == "shims":
            continue  # slow scripts in front of versions that are found in their own folders
        try:
            names = [entry.name for entry in folder.iterdir()]
        except OSError:
            continue
        paths |= {str(folder / name) for name in names if re.fullmatch(r"python3(\.\d+)?", name)}
    return paths
