"""What pip's output says of a failure, below what only says that something failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_ROOTS = tuple(
    re.compile(pattern)
    for pattern in (
        r"^(?:\S+: )?fatal error: .+",
        r"(?:unable to execute|command) ['\"]?[\w./+-]*(?:cc|\+\+|clang)\S* failed: No such.+",
        r"^(?:\S*meson\.build:\d+:\d+: )?ERROR: (?:Unknown compiler|Dependency|Program|Compiler).+",
        r"^.*(?:can't find Rust compiler|Rust, the programming language|Cargo, the Rust).*",
        r"^error: \[Errno 2\] No such file or directory: '\S+'",
        r"No CMAKE_\w+_COMPILER could be found.*",
        r"^CMake Error at \S+ .+",
        r"^[^\S\n]*error: linker .+ not found",
        r"^ERROR: No matching distribution found for .+",
        r"^ERROR: Cannot install .+ because these package versions have conflicting dep.+",
        r"^ERROR: Package .+ requires a different Python: .+",
        r"^ERROR: THESE PACKAGES DO NOT MATCH THE HASHES.*",
        r"^ERROR: Could not install requirement \S+ from .+",
        r"^ERROR: (?:Invalid requirement|Could not open requirements file|HTTP error \d+).*",
        r"^\S+\.(?:c|cc|cpp|cxx|h|hpp|pyx|rs|f90):\d+:\d+: error: .+",
        r"^fatal: .+",
    )
)
"""What stands for the cause itself, whatever is said around it."""
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Exit|Invalid)\w*: .+")
_ONLY_OUTER = re.compile(r"CalledProcessError|BackendUnavailable: Cannot|SubprocessError")
_ERROR = re.compile(r"\b(?:[A-Za-z]*Error|ERROR|error)\b|[Nn]o such file|not found")
_EMPTY = re.compile(
    r"subprocess-exited|finished with status|Encountered error while|note: |CalledProcessError"
    r"|returned non-zero exit status|metadata-generation-failed"
    r"|Failed to build installable|Failed building|This error originates"
)
"""Lines with which pip only says that something else failed."""
_MARGIN = re.compile(r"^[\s│╰─>×|]*")  # noqa: RUF001 (what pip draws)
MAX_CAUSE_CHARACTERS = 200


def cause_of(lines: Sequence[str]) -> str:
    """Return the line that says most of why it failed; `""` when none stands out.

    A build's own error goes before pip's, and what an exception was raised from before it.
    """
    bare = [_MARGIN.sub("", line).rstrip() for line in lines]
    plain = [
        f"{line} {below}" if line.endswith("):") else line
        for line, below in zip(bare, (*bare[1:], ""), strict=True)
    ]
    for pattern in _ROOTS:
        if cause := next((match[0] for line in plain if (match := pattern.search(line))), None):
            return cause.strip()[:MAX_CAUSE_CHARACTERS]
    exceptions = [line for line in plain if _EXCEPTION.match(line) and not _ONLY_OUTER.search(line)]
    if exceptions:
        return exceptions[-1][:MAX_CAUSE_CHARACTERS]
    errors = [line for line in plain if _ERROR.search(line) and not _EMPTY.search(line)]
    if not errors:  # pip quotes the output of a build between two marks
        errors = [line for line, mark in pairwise(plain) if "[end of output]" in mark]
    return errors[-1][:MAX_CAUSE_CHARACTERS] if errors else ""


_NO_COMPILER = re.compile(
    r"(?:gcc|g\+\+|\bcc|clang)\S* failed: No such file|Unknown compiler|Python\.h: No such file"
    r"|No such file or directory: '\S*(?:gcc|g\+\+|cc|clang)'"
    r"|No CMAKE_\w+_COMPILER could be found|unable to execute .*(?:gcc|cc)\b"
)
_NO_RUST = re.compile(
    r"can't find Rust compiler|Cargo, the Rust|cargo: (?:not found|No such)|rustc"
)
_OLDER_PYTHON = re.compile(
    r"SafeConfigParser|No module named '(?:imp|distutils|asyncore|asynchat|cgi|pipes|smtpd)'"
    r"|pkgutil.*ImpImporter|requires a different Python: 3\.\d+\.\d+ not in '[^']*<"
    r"|module 'inspect' has no attribute 'getargspec'|module 'ast' has no attribute '(?:Str|Num)'"
)


def advice_of(output: str) -> str:
    """Return what to do about a failure of a known kind, as the rest of a sentence, or `""`."""
    if _NO_RUST.search(output):
        return "its build needs Rust, which the sandbox has not: REPAIR_DOCKER_IMAGE names an image"
    if _NO_COMPILER.search(output):
        return (
            "the sandbox has no C compiler with Python's headers: REPAIR_DOCKER_IMAGE names an"
            " image that has (docker/sandbox.Dockerfile makes one)"
        )
    return ""


def wants_older_python(output: str) -> bool:
    """Whether a build stopped at something that newer Pythons no longer have."""
    return _OLDER_PYTHON.search(output) is not None
