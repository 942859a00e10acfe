"""`make`'s way to pip: one line that moves while packages are installed (in a pipe, one every few
seconds), and all of it on an error.

    .venv/bin/python installation/install.py --require-hashes -r requirements.lock

Runs before anything is installed, so it has the standard library alone.
"""

from __future__ import annotations

import itertools
import os
import re
import selectors
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

REPEAT_SECONDS = 10.0
"""Between two lines where nobody watches."""
LOOK_SECONDS = 0.5
"""Between two looks at what is installed: pip says nothing while it unpacks."""
# Isolated, so that nothing of the current folder is imported.
PIP = (sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
_REQUIREMENT = re.compile(rb"^[A-Za-z0-9].*==", re.MULTILINE)
_FETCHED = re.compile(rb"^(?:Collecting|Obtaining) ", re.MULTILINE)


def main(words: Sequence[str], out: TextIO = sys.stderr, pip: Sequence[str] = PIP) -> int:
    """Run `pip install` with these words and return its exit code."""
    line = Line(out, *_what(words))
    output = bytearray()
    # Not compiled: most of it is never imported, and what is gets compiled then.
    with subprocess.Popen(
        [*pip, "--no-compile", "--progress-bar", "off", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        while (chunk := _read(process.stdout.fileno())) != b"":
            output += chunk or b""
            line.show(len(_FETCHED.findall(output)), _installed())
    line.end(process.returncode)
    if process.returncode:
        out.write(_shown(output.decode(errors="replace"), out.encoding or "ascii"))
    return process.returncode


class Line:
    """One line of progress; where nobody watches, one at the beginning, one every few seconds, and
    one at the end."""

    def __init__(self, out: TextIO, what: str, total: int) -> None:
        self._out, self._what, self._total = out, what, total
        self._started, self._before = time.monotonic(), _installed()
        self._told = self._started
        if not out.isatty():
            number = f" ({total} packages)" if total > 1 else ""
            self._write(f"installing {what}{number} ...\n")

    def show(self, fetched: int, installed: int) -> None:
        is_watched, clock_seconds = self._out.isatty(), time.monotonic()
        if not is_watched and clock_seconds - self._told < REPEAT_SECONDS:
            return
        self._told = clock_seconds
        number = max(0, installed - self._before)
        counts = f"{number} of {self._total}" if number else f"fetched {fetched} of {self._total}"
        progress = f": {counts}" if self._total > 1 else ""
        line = f"installing {self._what}{progress}, {self._seconds()} s"
        self._write(f"\r\x1b[K{line}" if is_watched else f"{line}\n")

    def end(self, code: int) -> None:
        begin = "\r\x1b[K" if self._out.isatty() else ""
        verb = "could not install" if code else "installed"
        self._write(f"{begin}{verb} {self._what} in {self._seconds()} s\n")

    def _seconds(self) -> int:
        return round(time.monotonic() - self._started)

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _what(words: Sequence[str]) -> tuple[str, int]:
    """What is installed, for people, and how many packages that is."""
    lists = [Path(after) for word, after in itertools.pairwise(words) if word == "-r"]
    if not lists:
        return "the command itself", 1
    number = sum(len(_REQUIREMENT.findall(path.read_bytes())) for path in lists)
    return f"the packages of {' and '.join(path.name for path in lists)}", number


def _shown(text: str, encoding: str) -> str:
    """What pip wrote, controls and what the terminal cannot show as visible escapes: names and
    messages in it are a package's."""
    return (
        "".join(
            character
            if character.isprintable() or character in "\n\t"
            else character.encode("unicode_escape").decode()
            for character in text.replace("\r\n", "\n")
        )
        .encode(encoding, "replace")
        .decode(encoding)
    )


def _read(descriptor: int) -> bytes | None:
    """What was written; None when nothing was for a while, empty at the end."""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return os.read(descriptor, 65_536) if selector.select(LOOK_SECONDS) else None


def _installed() -> int:
    return sum(1 for _ in Path(sysconfig.get_path("purelib")).glob("*.dist-info"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
