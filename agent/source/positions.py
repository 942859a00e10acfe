"""Places in a source file: from where `ast` says to where the text has it."""

from __future__ import annotations

import ast
import re


class SourcePositions:
    """From (line, UTF-8 column) as `ast` has them to offsets in the text."""

    def __init__(self, text: str) -> None:
        # Lines as the tokenizer counts them: str.splitlines would split at form feeds too.
        self._lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def offset(self, line: int, column: int) -> int:
        if line > len(self._lines):
            return self._starts[-1]
        prefix = self._lines[line - 1].encode("utf-8", "surrogatepass")[:column]
        return self._starts[line - 1] + len(prefix.decode("utf-8", "surrogatepass"))

    def start(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
