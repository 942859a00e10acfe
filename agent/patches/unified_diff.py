"""Reading a unified diff back, strictly: what does not apply exactly is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.patches.changes import FileChange, ReadBase, diff_bytes

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_UNESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
_REFUSED = (b"old mode", b"new mode", b"rename ", b"copy ", b"similarity ", b"GIT binary patch")


class PatchRefused(ValueError):
    """The diff is malformed, does more than change text, or does not apply exactly."""


@dataclass(kw_only=True)
class _FilePatch:
    old_path: str | None
    new_path: str | None
    hunks: list[tuple[int, list[bytes], list[bytes]]] = field(default_factory=list)
    """(first line in the old file, 0-based; old lines; new lines)"""


def apply_diff(diff: bytes, read_base: ReadBase) -> dict[str, FileChange]:
    """Return what each file is before and after. Raises PatchRefused with a sentence."""
    changes: dict[str, FileChange] = {}
    for patch in _parse(diff):
        path = patch.new_path if patch.new_path is not None else patch.old_path
        if path is None or (patch.old_path not in (None, path)):
            raise PatchRefused(f"the patch renames {patch.old_path} to {patch.new_path}")
        if path in changes:
            raise PatchRefused(f"the patch names {path} twice")
        old = read_base(path)
        if (patch.old_path is None) != (old is None):
            state = "is new in the patch but exists" if old is not None else "does not exist"
            raise PatchRefused(f"{path} {state} in the base")
        new = _apply(path, old or b"", patch)
        if patch.new_path is None and new:
            raise PatchRefused(f"the patch deletes {path} but not all of its lines")
        changes[path] = (old, None if patch.new_path is None else new)
    return changes


def applicable(diffs: Iterable[str], read_base: ReadBase) -> list[dict[str, FileChange]]:
    """What each of these diffs makes of the base, without those that do not apply exactly, or
    change nothing."""
    patches = []
    for diff in diffs:
        try:
            patches.append(apply_diff(diff_bytes(diff), read_base))
        except ValueError:
            continue
    return [changes for changes in patches if changes]


@dataclass(frozen=True, kw_only=True)
class ReplacedLines:
    """Whole lines of the base that a patch replaces, without the unchanged ones around them."""

    path: str
    first: int
    """Number of the first replaced line, from 1; where none is replaced, of the line before which
    the new ones stand."""
    old: tuple[bytes, ...]
    """With their ends; the last line of a file may have none."""
    new: tuple[bytes, ...]


def replaced_lines(diff: bytes) -> Iterator[ReplacedLines]:
    """What the patch replaces, a group of lines after the other. Raises PatchRefused."""
    for patch in _parse(diff):
        path = patch.new_path if patch.new_path is not None else patch.old_path
        for start, before, after in patch.hunks:
            head = _common(before, after)
            tail = _common(before[head:][::-1], after[head:][::-1])
            old, new = before[head : len(before) - tail], after[head : len(after) - tail]
            if path is not None and (old or new):
                yield ReplacedLines(
                    path=path, first=start + head + 1, old=tuple(old), new=tuple(new)
                )


def _common(some: list[bytes], others: list[bytes]) -> int:
    """How many lines are equal from the beginning."""
    pairs = enumerate(zip(some, others, strict=False))
    return next(
        (at for at, (first, second) in pairs if first != second), min(len(some), len(others))
    )


def _apply(path: str, old: bytes, patch: _FilePatch) -> bytes:
    lines = old.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    pieces: list[bytes] = []
    position = 0
    for start, before, after in patch.hunks:
        if start < position or lines[start : start + len(before)] != before:
            raise PatchRefused(f"the patch does not apply to {path} at line {start + 1}")
        pieces += [*lines[position:start], *after]
        position = start + len(before)
    pieces += lines[position:]
    if any(not piece.endswith(b"\n") for piece in pieces[:-1]):
        raise PatchRefused(f"the patch leaves {path} with a line that has no end")
    return b"".join(pieces)


def _parse(diff: bytes) -> Iterator[_FilePatch]:
    lines = [line + b"\n" for line in diff.split(b"\n")]
    if lines[-1] == b"\n":
        lines.pop()
    at = 0
    current: _FilePatch | None = None
    while at < len(lines):
        line = lines[at]
        if line.startswith(_REFUSED):
            raise PatchRefused("the patch changes modes, renames files or is binary")
        if line.startswith(b"diff --git "):
            if current is not None:
                yield current
            current, at = _git_header(lines, at)
        elif line.startswith(b"--- ") and at + 1 < len(lines):
            if current is not None and current.hunks:
                yield current
            current = _FilePatch(
                old_path=_name(line[4:], b"a/"), new_path=_name(lines[at + 1][4:], b"b/")
            )
            at += 2
        elif line.startswith(b"@@ ") and current is not None:
            at = _hunk(lines, at, current)
        elif current is None or line.startswith(b"index "):
            at += 1  # prose before the first file; blob ids, which are not needed
        else:
            raise PatchRefused(f"line {at + 1} of the patch belongs to no hunk")
    if current is not None:
        yield current


def _git_header(lines: list[bytes], at: int) -> tuple[_FilePatch, int]:
    """A `diff --git` header: enough by itself only for empty files made or removed."""
    header_names = lines[at][len(b"diff --git ") :].rstrip(b"\n")
    half = header_names[
        : len(header_names) // 2
    ]  # both names are the same but for their first letter
    path = _name(half, b"a/")
    patch = _FilePatch(old_path=path, new_path=path)
    at += 1
    while at < len(lines) and lines[at].startswith((b"new file mode", b"deleted file mode")):
        if not lines[at].rstrip().endswith(b" 100644") and not lines[at].rstrip().endswith(
            b" 100755"
        ):
            raise PatchRefused(f"the patch makes {path} something other than a plain file")
        if lines[at].startswith(b"new"):
            patch.old_path = None
        else:
            patch.new_path = None
        at += 1
    return patch, at


def _name(raw: bytes, prefix: bytes) -> str | None:
    raw = raw.rstrip(b"\n")
    raw = _unquote(raw) if raw.startswith(b'"') else raw.split(b"\t")[0]
    if raw == b"/dev/null":
        return None
    if not raw.startswith(prefix):
        raise PatchRefused(f"a file name in the patch does not start with {prefix.decode()}")
    return raw[len(prefix) :].decode("utf-8", "surrogateescape")


def _unquote(raw: bytes) -> bytes:
    text = raw.decode("latin-1")
    pieces = bytearray()
    at = 1
    while at < len(text) and text[at] != '"':
        if text[at] != "\\":
            pieces.append(ord(text[at]))
            at += 1
        elif text[at + 1 : at + 2] in _UNESCAPES:
            pieces.append(_UNESCAPES[text[at + 1]])
            at += 2
        elif re.fullmatch("[0-3][0-7]{2}", text[at + 1 : at + 4]):
            pieces.append(int(text[at + 1 : at + 4], 8))
            at += 4
        else:
            raise PatchRefused("a quoted file name in the patch is malformed")
    return bytes(pieces)


def _hunk(lines: list[bytes], at: int, patch: _FilePatch) -> int:
    match = _HUNK.match(lines[at])
    if match is None:
        raise PatchRefused(f"line {at + 1} of the patch is not a hunk header")
    start, old_count, _, new_count = (
        int(part) if part is not None else 1 for part in match.groups()
    )
    before: list[bytes] = []
    after: list[bytes] = []
    at += 1
    while at < len(lines) and (len(before) < old_count or len(after) < new_count):
        mark, body = lines[at][:1], lines[at][1:]
        if mark not in (b" ", b"-", b"+"):
            raise PatchRefused(f"line {at + 1} of the patch is not a line of a hunk")
        at += 1
        if at < len(lines) and lines[at].startswith(b"\\ "):
            body = body[:-1]
            at += 1
        if mark != b"+":
            before.append(body)
        if mark != b"-":
            after.append(body)
    if len(before) != old_count or len(after) != new_count:
        raise PatchRefused("a hunk of the patch has not as many lines as its header says")
    patch.hunks.append((start - 1 if old_count else start, before, after))
    return at
