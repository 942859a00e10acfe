"""Which files of the project a file is built with, by what it names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

_LOADS = re.compile(
    r"""(?:\brequire\s*\(|\bimport\s*\(|\bfrom|\bimport)\s*["'](\.{1,2}/?[^"'\n]*)["']"""
)
_ENDS = ("", ".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
_IMPORTS = re.compile(r'^import[ \t]+(?:\(([^()]*)\)|[\w.]*[ \t]*("[^"\n]*"))', re.MULTILINE)
_IMPORT = re.compile(r'"([^"\n]+)"')
_WORD = re.compile(r"\w+")


def javascript_loads(path: str, text: str, paths: Collection[str]) -> Iterator[str]:
    """The files of JavaScript or TypeScript that one loads itself."""
    folder = posixpath.dirname(path)
    for name in _LOADS.findall(text):
        place = posixpath.normpath(posixpath.join(folder, name))
        # TypeScript names what it is compiled to.
        stems = (place, re.sub(r"\.([cm]?)js(x?)$", r".\1ts\2", place))
        ends = [f"{stem}{end}" for stem in stems for end in _ENDS]
        ends += [posixpath.normpath(f"{place}/index{end}") for end in _ENDS[1:]]  # also the top's
        yield from [end for end in ends if end in paths][:1]


@dataclass(frozen=True)
class GoLoads:
    """The files of Go that one is built with: those of its package, and of those it imports."""

    modules: Mapping[str, str]
    """Folder of each module → its import path."""

    def __call__(self, path: str, text: str, paths: Collection[str]) -> Iterator[str]:
        folders = {posixpath.dirname(path)}
        for group, single in _IMPORTS.findall(text):
            for name in _IMPORT.findall(group or single):
                folders.update(self._folders(name))
        for other_path in sorted(paths):
            is_built = other_path.endswith(".go") and not other_path.endswith("_test.go")
            if is_built and posixpath.dirname(other_path) in folders:
                yield other_path

    def _folders(self, name: str) -> Iterator[str]:
        for folder, module in self.modules.items():
            if name == module or name.startswith(f"{module}/"):
                yield posixpath.join(folder, name[len(module) + 1 :]).rstrip("/")


@dataclass(frozen=True)
class RustLoads:
    """The sources of Rust that one is built with: those of its package, and of those it names."""

    crates: Mapping[str, str]
    """Folder of each package → the name of its library in code."""

    def __call__(self, path: str, text: str, paths: Collection[str]) -> Iterator[str]:
        folders = {self._package(path)}
        words = frozenset(_WORD.findall(text))
        folders.update(folder for folder, crate in self.crates.items() if crate in words)
        for other_path in sorted(paths):
            if other_path.endswith(".rs") and other_path != path:
                folder = self._package(other_path)
                if folder in folders and other_path.startswith(posixpath.join(folder, "src/")):
                    yield other_path

    def _package(self, path: str) -> str:
        """The folder of the package that a file lies in: the one furthest down."""
        around = [f for f in self.crates if not f or path.startswith(f"{f}/")]
        return max(around, key=len, default="")
