"""Source files as text: read as Python reads them, edited by spans, put before the importer.

Python 3.8+, standard library only.
"""

from __future__ import annotations

import ast
import importlib.machinery
import io
import linecache
import os
import tokenize
from typing import Any, Dict, List, Tuple

Edit = Tuple[str, int, int, str]
"""Path relative to the workspace, start, end (characters of the base text), replacement."""


def read_source(path: str) -> Tuple[str, str]:
    """Text of a file with its line endings kept, and its encoding (PEP 263)."""
    with open(path, "rb") as file:
        data = file.read()
    encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    if encoding == "utf-8-sig":
        return data[3:].decode("utf-8"), encoding
    return data.decode(encoding), encoding


def apply_edits(text: str, edits: List[Edit]) -> str:
    """Edits of one file, not overlapping, against its base text."""
    pieces: List[str] = []
    position = 0
    for _, start, end, replacement in sorted(edits, key=lambda edit: (edit[1], edit[2])):
        pieces += (text[position:start], replacement)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def by_path(edits: List[Edit]) -> Dict[str, List[Edit]]:
    edits_by_path: Dict[str, List[Edit]] = {}
    for edit in edits:
        edits_by_path.setdefault(edit[0], []).append(edit)
    return edits_by_path


def show_lines(path: str, text: str) -> None:
    """Make tracebacks and `inspect` see the new text; split into lines only when asked for."""
    linecache.cache[path] = (lambda: text,)


def override(texts: Dict[str, str]) -> None:
    """Make every import of these files (absolute path → text) take the text, never a cache."""
    plain: Any = importlib.machinery.SourceFileLoader.get_code

    def get_code(self: Any, fullname: str) -> Any:
        path = os.path.abspath(self.get_filename(fullname))
        if path not in texts:
            return plain(self, fullname)
        return compile(texts[path], self.get_filename(fullname), "exec", dont_inherit=True)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    for path, text in texts.items():
        show_lines(path, text)
    _override_rewriting(texts)


def _override_rewriting(texts: Dict[str, str]) -> None:
    """Override the text of modules in which pytest rewrites assertions."""
    from _pytest.assertion import rewrite

    module: Any = rewrite
    plain_rewrite, plain_read = module._rewrite_test, module._read_pyc

    def rewrite_test(path: Any, config: Any) -> Any:
        name = str(path)
        if os.path.abspath(name) not in texts:
            return plain_rewrite(path, config)
        source = texts[os.path.abspath(name)].encode("utf-8")
        tree = ast.parse(source, filename=name)
        module.rewrite_asserts(tree, source, name, config)
        return os.stat(name), compile(tree, name, "exec", dont_inherit=True)

    def read_pyc(source: Any, *args: Any, **kwargs: Any) -> Any:
        if os.path.abspath(str(source)) in texts:
            return None
        return plain_read(source, *args, **kwargs)

    module._rewrite_test, module._read_pyc = rewrite_test, read_pyc
