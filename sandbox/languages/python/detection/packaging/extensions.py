"""Compiled modules that a project declares, and with what they are built."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.languages.python.detection.config_files import ConfigFiles, table, text_or_none
from sandbox.languages.python.detection.packaging.build_system import read_build
from sandbox.languages.python.detection.packaging.setup_py import literal, named_calls

_BUILD_TOOLS = {
    "mesonpy": "meson-python",
    "meson-python": "meson-python",
    "scikit-build-core": "scikit-build",
    "scikit-build": "scikit-build",
    "cmake": "scikit-build",
    "maturin": "Rust",
    "setuptools-rust": "Rust",
    "cython": "Cython",
    "cffi": "cffi",
    "pybind11": "pybind11",
    "nanobind": "nanobind",
}
"""Requirement of a build → what it is called in a sentence."""
_EXTENSION_CLASSES = ("Extension", "Pybind11Extension", "CMakeExtension", "RustExtension")
_KEYWORDS = frozenset(("ext_modules", "cffi_modules", "rust_extensions", "cmake_install_dir"))
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, kw_only=True)
class Extensions:
    """What a project has compiled when it is installed."""

    tool: str
    """With what it is built, for sentences."""
    modules: tuple[str, ...] = ()
    """Full names that stand in literals; the others are known to their build alone."""

    @property
    def needs_rust(self) -> bool:
        return self.tool == "Rust"


def find_extensions(files: ConfigFiles) -> Extensions | None:
    """Return what the configuration declares as compiled; None where nothing is."""
    names = [*_in_setup_py(files), *_in_pyproject(files)]
    modules = tuple(dict.fromkeys(name for name in names if _MODULE.fullmatch(name)))
    tools = [_BUILD_TOOLS[name] for name in _build_requirements(files) if name in _BUILD_TOOLS]
    if not names and not tools:
        return None
    return Extensions(tool=tools[0] if tools else "setuptools", modules=modules)


def _build_requirements(files: ConfigFiles) -> Iterator[str]:
    build = read_build(files)
    for requirement in (build.backend, *build.requires):
        if match := re.match(r"[A-Za-z0-9][\w-]*", requirement):
            yield match[0].lower().replace("_", "-")


def _in_pyproject(files: ConfigFiles) -> Iterator[str]:
    modules = table(files.toml("pyproject.toml"), "tool", "setuptools").get("ext-modules")
    for module in modules if isinstance(modules, list) else ():
        yield text_or_none(table(module).get("name")) or "?"


def _in_setup_py(files: ConfigFiles) -> Iterator[str]:
    """Names in calls of an extension's class; `?` for what only a run would say."""
    module = files.syntax("setup.py")
    for call in named_calls(module, *_EXTENSION_CLASSES):
        values = [keyword.value for keyword in call.keywords if keyword.arg == "name"]
        name = literal((*call.args, *values)[0]) if (*call.args, *values) else None
        yield name if isinstance(name, str) else "?"
    for call in named_calls(module, "setup"):
        for keyword in call.keywords:
            if keyword.arg in _KEYWORDS and not _is_empty(keyword.value):
                yield "?"


def _is_empty(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return not node.elts
    return isinstance(node, ast.Constant) and not node.value
