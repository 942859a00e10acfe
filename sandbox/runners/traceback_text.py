"""Source lines named in printed failures, for runners that only leave text."""

from __future__ import annotations

import re

from sandbox.runners.base import Frame

_PYTHON = re.compile(r'File "([^"\n]+)", line (\d+)(?:, in (\S+))?')
_SHORT = re.compile(r"^([\w./\\-]+\.py):(\d+): ", re.M)


def frames_in(text: str, workspace: str) -> tuple[Frame, ...]:
    """Frames of the tracebacks in `text`, in the order printed, relative to the workspace.

    Reads the interpreter's own form and pytest's `path.py:12: Error`.
    """
    prefix = workspace.rstrip("/") + "/"
    placed_frames: list[tuple[int, Frame]] = []
    for pattern in (_PYTHON, _SHORT):
        for match in pattern.finditer(text):
            path, line, *function = match.groups(default="")
            path = path.removeprefix(prefix).removeprefix("./")
            frame = Frame(path=path, line=int(line), function="".join(function))
            placed_frames.append((match.start(), frame))
    return tuple(frame for _, frame in sorted(placed_frames, key=lambda item: item[0]))
