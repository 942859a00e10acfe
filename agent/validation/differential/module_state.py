"""Module state that differs between base and patch, as observed in two sandboxes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.validation.tamper_check import Base
from sandbox.languages.python.runners.split.server import NameState
from sandbox.source import decode_source_lossless
from sandbox.syntax import literal, parse_module

_SILENT = frozenset(["__all__", "__slots__", "__version__", "__author__", "__match_args__"])
"""Names with two underscores that nothing looks up by itself."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value of a module or class that differs between base and patch."""

    module: str
    name: str
    """`Class.attribute` or a name of the module; empty where the module cannot be imported."""
    literal: str | None
    """The patch's value where it is plain data on both sides."""

    @property
    def last(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def owner(self) -> str:
        """Name of the class that holds the value; empty for a name of the module."""
        return self.name.rpartition(".")[0].rpartition(".")[2]

    @property
    def special(self) -> bool:
        """Whether the interpreter itself looks the name up."""
        return self.last.startswith("__") and self.last.endswith("__") and self.last not in _SILENT


def differences(
    base: Mapping[str, NameState], patch: Mapping[str, NameState]
) -> tuple[Difference, ...]:
    """Values of modules and classes that the patch adds, removes or changes."""
    changed_values = []
    for name in sorted(base.keys() | patch.keys()):
        base_state, patch_state = base.get(name), patch.get(name)
        if (base_state and base_state.looks) != (patch_state and patch_state.looks):
            module, _, attribute = name.partition(":")
            value = _literal(base_state, patch_state)
            changed_values.append(Difference(module=module, name=attribute, literal=value))
    return tuple(changed_values)


def _literal(base_state: NameState | None, patch_state: NameState | None) -> str | None:
    """The text comes from where the patch runs: it is no more than a literal, or it is nothing."""
    if (
        patch_state is None
        or patch_state.literal is None
        or (base_state is not None and base_state.literal is None)
    ):
        return None
    try:
        literal(patch_state.literal)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return patch_state.literal


def with_values(
    files: Mapping[str, bytes],
    changed_values: Iterable[Difference],
    base: Base,
    paths: Mapping[str, str],
) -> dict[str, bytes]:
    """Files with the patch's plain values assigned at their end, where the base has the module."""
    lines: dict[str, list[str]] = {}
    for difference in changed_values:
        if difference.literal is not None and all(
            part.isidentifier() for part in difference.name.split(".")
        ):
            path = paths.get(difference.module)
            if path is not None:
                lines.setdefault(path, []).append(f"{difference.name} = {difference.literal}\n")
    patched_files = dict(files)
    for path, assignments in lines.items():
        source = decode_source_lossless(patched_files.get(path) or base.read(path))
        text = f"{source.text.rstrip()}\n{''.join(assignments)}"
        try:
            parse_module(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        patched_files[path] = source.encode(text)
    return patched_files
