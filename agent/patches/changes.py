"""Edits ↔ file bytes ↔ unified diff, exact to the byte.

Paths are `str` with undecodable bytes as surrogate escapes (`os.fsdecode`), contents are
`bytes`. A diff is `bytes`; `diff_text` gives the `str` form that JSON can carry.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from typing import TypeAlias

from sandbox.source import SourceEdit, apply_edits, decode_source_lossless

FileChange: TypeAlias = tuple[bytes | None, bytes | None]
"""(old, new) content; None where the file does not exist on that side."""
ReadBase: TypeAlias = Callable[[str], bytes | None]
"""Path → content in the base; None or FileNotFoundError when the base has no such file."""

CONTEXT_LINES = 3
_NO_NEWLINE = b"\\ No newline at end of file\n"
_ESCAPES = {7: "a", 8: "b", 9: "t", 10: "n", 11: "v", 12: "f", 13: "r", 34: '"', 92: "\\"}


def edited_files(edits: Iterable[SourceEdit], read_base: ReadBase) -> dict[str, FileChange]:
    """Apply edits to the base. A path the base lacks becomes a new file.

    Raises ValueError when edits overlap, lie outside the text or cannot be encoded.
    """
    by_path: dict[str, list[SourceEdit]] = {}
    for edit in edits:
        by_path.setdefault(edit.path, []).append(edit)
    changes: dict[str, FileChange] = {}
    for path, file_edits in by_path.items():
        try:
            old = read_base(path)
        except FileNotFoundError:
            old = None
        source = decode_source_lossless(old or b"")
        new = source.encode(apply_edits(source.text, file_edits))
        if new != old:
            changes[path] = (old, new)
    return changes


def edits_between(path: str, old: bytes, new: bytes) -> tuple[SourceEdit, ...]:
    """Edits, one per changed run of lines, that turn `old` into `new`."""
    old_source, new_source = decode_source_lossless(old), decode_source_lossless(new)
    if (old_source.encoding, old_source.has_bom) != (
        new_source.encoding,
        new_source.has_bom,
    ):
        raise ValueError(f"{path}: a patch may not change the encoding of a file")
    old_lines, new_lines = _lines(old_source.text), _lines(new_source.text)
    starts = [0]
    for line in old_lines:
        starts.append(starts[-1] + len(line))
    return tuple(
        SourceEdit(path, starts[a], starts[b], "".join(new_lines[c:d]))
        for tag, a, b, c, d in _opcodes(old_lines, new_lines)
        if tag != "equal"
    )


def unified_diff(changes: Mapping[str, FileChange]) -> bytes:
    """Unified diff that `git apply` and `patch -p1` take, files in path order."""
    return b"".join(
        _file_diff(path, old, new)
        for path, (old, new) in sorted(changes.items(), key=lambda item: os.fsencode(item[0]))
        if old != new
    )


def diff_text(diff: bytes) -> str:
    """The diff as text; bytes that are not UTF-8 are surrogate escapes."""
    return diff.decode("utf-8", "surrogateescape")


def diff_bytes(text: str) -> bytes:
    """Inverse of `diff_text`."""
    return text.encode("utf-8", "surrogateescape")


def quote_path(path: str) -> bytes:
    """A path as git writes it in a diff: quoted like a C string where it has odd bytes."""
    raw = os.fsencode(path)
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in raw):
        return raw
    pieces = []
    for byte in raw:
        if byte in _ESCAPES:
            pieces.append("\\" + _ESCAPES[byte])
        elif 0x20 <= byte < 0x7F:
            pieces.append(chr(byte))
        else:
            pieces.append(f"\\{byte:03o}")
    return ('"' + "".join(pieces) + '"').encode("ascii")


def _lines(text: str) -> list[str]:
    return list(_split(text, "\n"))


def _byte_lines(content: bytes) -> list[bytes]:
    return [line.encode("latin-1") for line in _split(content.decode("latin-1"), "\n")]


def _split(text: str, newline: str) -> Iterator[str]:
    # str.splitlines would also split at form feeds and lone CRs, which diffs do not.
    start = 0
    while start < len(text):
        end = text.find(newline, start)
        end = len(text) if end < 0 else end + 1
        yield text[start:end]
        start = end


def _opcodes(
    old: list[str] | list[bytes], new: list[str] | list[bytes]
) -> Iterator[tuple[str, int, int, int, int]]:
    """SequenceMatcher's opcodes, its quadratic part kept to what differs."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if head:
        yield ("equal", 0, head, 0, head)
    middle = SequenceMatcher(
        None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False
    )
    for tag, a, b, c, d in middle.get_opcodes():
        yield (tag, a + head, b + head, c + head, d + head)
    if tail:
        yield ("equal", len(old) - tail, len(old), len(new) - tail, len(new))


def _file_diff(path: str, old: bytes | None, new: bytes | None) -> bytes:
    a, b = quote_path("a/" + path), quote_path("b/" + path)
    head = b"diff --git " + a + b" " + b + b"\n"
    if old is None:
        head += b"new file mode 100644\n"
    if new is None:
        head += b"deleted file mode 100644\n"
    old_lines, new_lines = _byte_lines(old or b""), _byte_lines(new or b"")
    hunks = b"".join(_hunks(old_lines, new_lines))
    if not hunks:
        return head
    # A name with a space ends in a tab, or `patch` takes the rest of it for a date.
    tab = b"\t" if " " in path and not a.startswith(b'"') else b""
    from_line = b"--- " + (b"/dev/null" if old is None else a + tab) + b"\n"
    to_line = b"+++ " + (b"/dev/null" if new is None else b + tab) + b"\n"
    return head + from_line + to_line + hunks


def _hunks(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    for group in _groups(list(_opcodes(old, new))):
        first, last = group[0], group[-1]
        yield b"@@ -%s +%s @@\n" % (_range(first[1], last[2]), _range(first[3], last[4]))
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (_line(b" ", line) for line in old[a:b])
            else:
                yield from (_line(b"-", line) for line in old[a:b])
                yield from (_line(b"+", line) for line in new[c:d])


def _groups(
    opcodes: list[tuple[str, int, int, int, int]],
) -> Iterator[list[tuple[str, int, int, int, int]]]:
    """Opcodes by hunk, with `CONTEXT_LINES` of context."""
    group: list[tuple[str, int, int, int, int]] = []
    for index, (tag, a, b, c, d) in enumerate(opcodes):
        if tag != "equal":
            group.append((tag, a, b, c, d))
            continue
        lines_before = CONTEXT_LINES if index + 1 < len(opcodes) else 0
        lines_after = CONTEXT_LINES if group else 0
        if b - a <= lines_before + lines_after:
            group.append((tag, a, b, c, d))
            continue
        if group:
            yield [*group, (tag, a, a + lines_after, c, c + lines_after)]
        group = [(tag, b - lines_before, b, d - lines_before, d)] if lines_before else []
    if any(tag != "equal" for tag, *_ in group):
        yield group


def _range(start: int, end: int) -> bytes:
    length = end - start
    first = start + 1 if length else start
    return b"%d" % first if length == 1 else b"%d,%d" % (first, length)


def _line(mark: bytes, line: bytes) -> bytes:
    if line.endswith(b"\n"):
        return mark + line
    return mark + line + b"\n" + _NO_NEWLINE
