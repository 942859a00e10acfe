"""What a failing test of Rust printed, as the host's events have it. Python 3.8+, standard library
only."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Optional

MAX_DETAILS = 8000
MAX_MESSAGE = 500
MAX_FRAMES = 20
_DEPRECATED = "warning: `--logfile` is deprecated"
_PANIC = re.compile(
    r"^thread '[^\n]*' (?:\(\d+\) )?panicked at ([^\n]+?):(\d+):\d+:$", re.MULTILINE
)
_ENDS = re.compile(r"^(?:stack backtrace:|note: )|^\n?thread '", re.MULTILINE)
_FRAME = re.compile(r"^ +\d+: ([^\n]+)\n +at ([^\n]+?):(\d+)(?::\d+)?$", re.MULTILINE)
_TRACE = re.compile(
    r"^stack backtrace:\n(?: +[^\n]*\n)*(?:note: Some details[^\n]*\n?)?", re.MULTILINE
)
_NOTE = re.compile(r"^note: (?!run with|Some details)([^\n]+)", re.MULTILINE)
_HASH = re.compile(r"::h[0-9a-f]{16}$")
_PLACE = re.compile(r"^( *(?:-->|:::) )([^/\s:][^\n:]*)(?=:\d+:\d+$)", re.MULTILINE)


def printed(text: str, name: str) -> str:
    """What a test printed itself, without what the program around it says."""
    begin = text.rfind(f"\ntest {name} ")
    if begin >= 0:
        head = text[:begin].replace("\nrunning 1 test", "")
        rest = re.sub(r"\A(?:- should panic )?\.\.\. ", "", text[begin + len(f"\ntest {name} ") :])
        text = head + "\n" + rest
    summary = text.rfind("\nfailures:\n\nfailures:\n")
    notes = _NOTE.findall(text[text.find("\nfailures:\n") :]) if "\nfailures:\n" in text else []
    if summary < 0:
        summary = text.find(f"\nfailures:\n\n---- {name} stdout ----\n")
    text = text[:summary] if summary >= 0 else text
    text = re.sub(r"(?:\A|\n)FAILED\s*\Z", "", text.replace(_DEPRECATED, "").rstrip())
    return "\n".join([text.strip("\n"), *notes]).strip("\n")


def failure(text: str, name: str, places: "Places") -> Dict[str, Any]:
    """Message, details, exception and frames of what the test `name` printed."""
    plain = printed(text, name)
    panics = list(_PANIC.finditer(plain))
    panic = panics[-1] if panics else None
    details = _TRACE.sub("", plain).strip("\n")
    notes = [row for row in details.split("\n") if "did not panic as expected" in row]
    if panic is None:
        message = notes[-1] if notes else re.sub(r"\AError: ", "", details)
        return {
            "message": " ".join(message.split())[:MAX_MESSAGE],
            "details": details[:MAX_DETAILS],
            "exception": "",
            "frames": [],
        }
    said = plain[panic.end() + 1 :]
    end = _ENDS.search(said)
    words = " ".join([*said[: end.start() if end else len(said)].split(), *notes])
    return {
        "message": words[:MAX_MESSAGE],
        "details": details[:MAX_DETAILS],
        "exception": "panic",
        "frames": _frames(plain[panic.end() :], panic, places),
    }


def _frames(text: str, panic: Any, places: "Places") -> List[List[Any]]:
    """Frames in the project, innermost last; where it panicked is one of them."""
    frames: List[List[Any]] = []
    for function, path, line in _FRAME.findall(text.partition("\nthread '")[0]):
        own = places.of_trace(path)
        if own is not None:
            frames.append([own, int(line), _HASH.sub("", function).rpartition("::")[2]])
    site = places.of_root(panic[1])
    if site is not None and not any(f[:2] == [site, int(panic[2])] for f in frames):
        frames.insert(0, [site, int(panic[2]), ""])
    return frames[:MAX_FRAMES][::-1]


class Places:
    """Paths as a compiler or a backtrace gives them, from the top of the project on."""

    def __init__(self, workspace: str, root: str, folder: str) -> None:
        self._workspace, self._root, self._folder = workspace, root, folder

    def of_root(self, path: str) -> Optional[str]:
        """Of a path relative to the Cargo workspace; None where it lies outside the project."""
        return self._own(os.path.join(self._root, path))

    def of_trace(self, path: str) -> Optional[str]:
        """Of a path in a backtrace, which may begin at the folder that the test runs in."""
        return self._own(os.path.join(self._folder, path))

    def _own(self, path: str) -> Optional[str]:
        full = os.path.normpath(path)
        if not full.startswith(self._workspace + "/") or not os.path.isfile(full):
            return None
        return full[len(self._workspace) + 1 :]

    def compiled(self, text: str) -> str:
        """What the compiler said, with its paths from the top of the project on."""

        def path(match: Any) -> str:
            return str(match[1]) + str(self.of_root(match[2]) or match[2])

        return _PLACE.sub(path, text)
