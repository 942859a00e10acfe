"""Source text: how it is decoded and encoded again, and edits to it as character spans."""

from __future__ import annotations

import codecs
import io
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DecodedSource:
    """A source file as text, with what is needed to write it back unchanged."""

    text: str
    """Line endings as they stand in the file; the byte-order mark is dropped."""
    encoding: str
    """Codec name from the byte-order mark or the PEP 263 comment; `utf-8` without either."""
    has_bom: bool
    newline: str
    """The most frequent line ending, for lines that are added."""
    errors: str = "strict"
    """`surrogateescape` where bytes that are no UTF-8 are kept as surrogates."""

    def encode(self, text: str) -> bytes:
        """Return the bytes of `text` in this file's encoding.

        Raises UnicodeEncodeError (a ValueError) when the encoding has no such character.
        """
        data = text.encode(self.encoding, self.errors)
        return codecs.BOM_UTF8 + data if self.has_bom else data


def decode_source(data: bytes) -> DecodedSource:
    """Decode a Python source file as the interpreter would (PEP 263).

    Raises ValueError when it cannot be decoded, or not so that the same bytes come back.
    """
    try:
        return _decode(data, _declared_encoding(data), "strict")
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise ValueError(f"the source cannot be decoded: {error}") from error


def decode_source_lossless(data: bytes) -> DecodedSource:
    """Decode a file that the interpreter may refuse: bytes that are no UTF-8 become surrogates,
    and a declaration that nobody knows, or of what is no encoding of text, counts as UTF-8.

    Raises ValueError when another encoding is declared that does not give the same bytes back.
    """
    try:
        encoding = _declared_encoding(data)
        return _decode(data, encoding, "surrogateescape" if encoding == "utf-8" else "strict")
    except (SyntaxError, LookupError):  # `rot13` is known, and no encoding of text
        return _decode(data, "utf-8", "surrogateescape")


def _decode(data: bytes, encoding: str, errors: str) -> DecodedSource:
    has_bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if has_bom else data
    text = body.decode(encoding, errors)
    source = DecodedSource(
        text=text,
        encoding=encoding,
        has_bom=has_bom,
        newline=_most_frequent_newline(text),
        errors=errors,
    )
    if source.encode(text) != data:
        raise ValueError(f"the source does not survive a round trip through {encoding}")
    return source


def _declared_encoding(data: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _most_frequent_newline(text: str) -> str:
    crlf = text.count("\r\n")
    counts = {"\n": text.count("\n") - crlf, "\r\n": crlf, "\r": text.count("\r") - crlf}
    return max(counts, key=lambda newline: counts[newline])


@dataclass(frozen=True, order=True)
class SourceEdit:
    """Replace characters `start:end` of the base text of `path` by `replacement`.

    Offsets count characters of the decoded text (PEP 263 encoding, byte-order mark dropped)
    with its line endings kept as they stand in the file, so CRLF counts as two.
    """

    path: str
    start: int
    end: int
    replacement: str


def apply_edits(text: str, edits: Iterable[SourceEdit]) -> str:
    """Return `text` with the edits of one file applied.

    Raises ValueError when two edits overlap or one lies outside the text.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits):
        if edit.start < position or edit.end < edit.start or edit.end > len(text):
            raise ValueError(f"edit {edit.start}:{edit.end} of {edit.path} overlaps or is outside")
        pieces += (text[position : edit.start], edit.replacement)
        position = edit.end
    pieces.append(text[position:])
    return "".join(pieces)
