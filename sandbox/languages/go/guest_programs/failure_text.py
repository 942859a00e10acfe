"""What a failing test of Go printed, as the host's events have it. Python 3.8+, standard library
only."""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any, Dict, List

MAX_DETAILS = 8000
MAX_MESSAGE = 500
_FRAMING = re.compile(r"^\s*(?:=== (?:RUN|PAUSE|CONT|NAME)\b|--- (?:FAIL|PASS|SKIP)\b)")
_PLACE = re.compile(r"^\s+([^\s:/]+\.go):(\d{1,9}): ?(.*)$")
_TRACE = re.compile(r"(/[^\s:]+\.go):(\d{1,9})")
_PANIC = re.compile(r"^(?:panic: |fatal error: )(.*)$", re.MULTILINE)
_STATE = re.compile(r"^goroutine \d+ [^\n]*\[(?!.*waiting)[^\n]*\]:$", re.MULTILINE)
_CALL = re.compile(r"^(\S[^\n]*)\n\t(/[^\n]+?\.go):(\d{1,9})(?: \+0x[0-9a-f]+)?$", re.MULTILINE)
_COMPILER = re.compile(
    r"^((?:vet: )?)(?:\./)?([^\s:/][^\s:]*\.go)(?=:\d+)"
    r"|^(\s+)(?:\./)?([^\s:/][^\s:]*\.go)(?=:\d+:\d+)",
    re.MULTILINE,
)


def printed(text: str) -> List[str]:
    """The rows that a test printed itself."""
    return [row for row in text.splitlines() if not _FRAMING.match(row)]


def failure(text: str, folder: str, workspace: str) -> Dict[str, Any]:
    """Message, details, exception and frames of what a test printed in the package `folder`,
    relative to the workspace."""
    rows = printed(text)
    plain = "\n".join(rows)
    panic = _PANIC.search(plain)
    if panic is not None:
        words = " ".join(panic[1].replace("[recovered, repanicked]", "").split())
        words = words.replace(" [recovered]", "")
        name = "runtime error" if words.startswith("runtime error") else "panic"
        return {
            "message": words[:MAX_MESSAGE],
            "details": plain[:MAX_DETAILS],
            "exception": name,
            "frames": _stack(plain[panic.start() :], workspace),
        }
    return {
        "message": _message(rows)[:MAX_MESSAGE],
        "details": plain[:MAX_DETAILS],
        "exception": "",
        "frames": _places(rows, folder, workspace),
    }


def _message(rows: List[str]) -> str:
    """What stands behind the first place in a file, and what belongs to it."""
    for index, row in enumerate(rows):
        match = _PLACE.match(row)
        if match is None:
            continue
        more = []
        for following in rows[index + 1 :]:
            if _PLACE.match(following) or not following.startswith("        "):
                break
            more.append(following)
        return " ".join(" ".join([match[3], *more]).split())
    return " ".join(" ".join(rows).split())


def _places(rows: List[str], folder: str, workspace: str) -> List[List[Any]]:
    """Places in files that the rows name, the first last: there it failed."""
    places: List[List[Any]] = []
    for row in rows:
        match = _PLACE.match(row)
        if match is not None and os.path.isfile(os.path.join(workspace, folder, match[1])):
            places.append([posixpath.join(folder, match[1]), int(match[2]), ""])
            continue
        for path, line in _TRACE.findall(row):
            if path.startswith(workspace + "/"):
                places.append([path[len(workspace) + 1 :], int(line), ""])
    return places[:20][::-1]


def _stack(text: str, workspace: str) -> List[List[Any]]:
    """Frames in the project of the goroutine that panicked, innermost last."""
    states = list(_STATE.finditer(text))
    start = states[0].end() if states else 0
    end = text.find("\n\ngoroutine ", start)
    frames = []
    for function, path, line in _CALL.findall(text[start : end if end > 0 else len(text)]):
        if path.startswith(workspace + "/"):
            name = function.rpartition("(")[0].rpartition("/")[2].partition(".")[2]
            frames.append([path[len(workspace) + 1 :], int(line), name])
    return frames[::-1]


def of_project(text: str, folder: str) -> str:
    """What the compiler said, with the paths of files from the top of the project on."""

    def path(match: Any) -> str:
        before, name = (match[1], match[2]) if match[2] else (match[3], match[4])
        return str(before) + posixpath.normpath(posixpath.join(folder, name))

    return _COMPILER.sub(path, text)
