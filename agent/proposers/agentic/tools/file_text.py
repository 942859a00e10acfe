"""A file as the model sees it, and back to exactly its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.source import decode_source_lossless


@dataclass(frozen=True)
class FileText:
    """The text of a file with what is needed to write it back."""

    text: str
    """Line endings as they stand in the file."""
    newline: str
    """The most frequent line ending."""
    content: bytes

    @classmethod
    def of(cls, content: bytes) -> FileText:
        """Raises ValueError for a file that is no text."""
        if b"\0" in content:
            raise ValueError("it is a binary file")
        text = decode_source_lossless(content).text
        crlf = text.count("\r\n")
        return cls(text, "\r\n" if crlf * 2 > text.count("\n") else "\n", content)

    @property
    def lines(self) -> list[str]:
        """Lines without their ends."""
        lines = self.text.split("\n")
        if lines[-1] == "":
            lines.pop()
        return [line.removesuffix("\r") for line in lines]

    def own(self, text: str) -> str:
        """`text` with this file's line endings: the model writes \\n."""
        return text.replace("\r\n", "\n").replace("\n", self.newline)

    def encode(self, text: str) -> bytes:
        """Bytes in this file's encoding. Raises ValueError where it has no such character."""
        return decode_source_lossless(self.content).encode(text)


def numbered(lines: list[str], first: int = 1) -> str:
    """Lines as `cat -n` shows them."""
    return "\n".join(f"{number:6d}\t{line}" for number, line in enumerate(lines, start=first))
