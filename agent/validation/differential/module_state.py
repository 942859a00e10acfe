"""Where modules hold something else with a patch than without it, as two sandboxes tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.patches.changes import decode_source
from agent.validation.tamper_check import Base
from sandbox.languages.python.runners.split import NameState
from sandbox.syntax import literal, parse_module

_SILENT = frozenset(["__all__", "__slots__", "__version__", "__author__", "__match_args__"])
"""Names with two underscores that nothing looks up by itself."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that is not as on the base."""

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
        """The class it stands in; empty for a name of the module."""
        return self.name.rpartition(".")[0].rpartition(".")[2]

    @property
    def special(self) -> bool:
        """Looked up by the interpreter itself."""
        return self.last.startswith("__") and self.last.endswith("__") and self.last not in _SILENT


def differences(
    base: Mapping[str, NameState], patch: Mapping[str, NameState]
) -> tuple[Difference, ...]:
    """What is new, gone or another with the patch."""
    found = []
    for name in sorted(base.keys() | patch.keys()):
        before, after = base.get(name), patch.get(name)
        if (before and before.looks) != (after and after.looks):
            module, _, inside = name.partition(":")
            value = _literal(before, after)
            found.append(Difference(module=module, name=inside, literal=value))
    return tuple(found)


def _literal(before: NameState | None, after: NameState | None) -> str | None:
    """The text comes from where the patch runs: it is no more than a literal, or it is nothing."""
    if after is None or after.literal is None or (before is not None and before.literal is None):
        return None
    try:
        literal(after.literal)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return after.literal


def with_values(
    files: Mapping[str, bytes],
    found: Iterable[Difference],
    base: Base,
    paths: Mapping[str, str],
) -> dict[str, bytes]:
    """The files with the patch's plain values set at their end, where the base has the module."""
    lines: dict[str, list[str]] = {}
    for one in found:
        if one.literal is not None and all(part.isidentifier() for part in one.name.split(".")):
            path = paths.get(one.module)
            if path is not None:
                lines.setdefault(path, []).append(f"{one.name} = {one.literal}\n")
    settled = dict(files)
    for path, more in lines.items():
        source = decode_source(settled.get(path) or base.read(path))
        text = f"{source.text.rstrip()}\n{''.join(more)}"
        try:
            parse_module(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        settled[path] = source.encode(text)
    return settled
