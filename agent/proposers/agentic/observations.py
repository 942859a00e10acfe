"""What the model gets to read: cut to head and tail, the whole of it kept in the sandbox."""

from __future__ import annotations

from sandbox.base import Session

SHOWN_CHARACTERS = 12_000
HEAD_SHARE = 0.6


def cut(text: str, session: Session, place: str, shown: int = SHOWN_CHARACTERS) -> str:
    """`text`, or its head and tail with a note where in the sandbox the whole of it lies."""
    if len(text) <= shown:
        return text
    session.write(place, text.encode("utf-8", "replace"))
    head, tail = int(shown * HEAD_SHARE), shown - int(shown * HEAD_SHARE)
    left_out = len(text) - head - tail
    return (
        f"{text[:head]}\n"
        f"[… {left_out} characters left out. The whole text is in {place}, "
        f"{text.count(chr(10)) + 1} lines: read more with `sed -n '100,200p' {place}` …]\n"
        f"{text[-tail:]}"
    )
