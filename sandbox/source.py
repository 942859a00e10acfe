"""The text of a source file, and the way back to exactly its bytes."""

from __future__ import annotations

import codecs
import io
import tokenize
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

    def encode(self, text: str) -> bytes:
        """Return the bytes of `text` in this file's encoding.

        Raises UnicodeEncodeError (a ValueError) when the encoding has no such character.
        """
        data = text.encode(self.encoding)
        return codecs.BOM_UTF8 + data if self.has_bom else data


def decode_source(data: bytes) -> DecodedSource:
    """Decode a Python source file as the interpreter would (PEP 263).

    Raises ValueError when it cannot be decoded, or not so that the same bytes come back.
    """
    has_bom = data.startswith(codecs.BOM_UTF8)
    body = data[len(codecs.BOM_UTF8) :] if has_bom else data
    try:
        encoding = _declared_encoding(data)
        source = DecodedSource(
            text=(text := body.decode(encoding)),
            encoding=encoding,
            has_bom=has_bom,
            newline=_most_frequent_newline(text),
        )
        exact = source.encode(text) == data
    except (SyntaxError, LookupError, UnicodeError) as error:
        raise ValueError(f"the source cannot be decoded: {error}") from error
    if not exact:
        raise ValueError(f"the source does not survive a round trip through {encoding}")
    return source


def _declared_encoding(data: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _most_frequent_newline(text: str) -> str:
    crlf = text.count("\r\n")
    counts = {"\n": text.count("\n") - crlf, "\r\n": crlf, "\r": text.count("\r") - crlf}
    return max(counts, key=lambda newline: counts[newline])
