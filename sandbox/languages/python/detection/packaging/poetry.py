"""Poetry's way of writing requirements, turned into the standard one (PEP 508)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sandbox.languages.python.detection.config_files import Table, table

_PARTS = re.compile(r"\d+(?:\.\d+)*")


def poetry_specifier(constraint: str) -> str | None:
    """Return the PEP 440 form of `^1.2`, `~1.2`, `1.*`, `>=1,<2`, `*`; None when it has none."""
    if "||" in constraint or " or " in constraint:
        return None
    specifiers = []
    for part in re.split(r"[,\s]+(?=[\^~<>=!\d*])", constraint.strip()):
        specifier = _one(part.strip())
        if specifier is None:
            return None
        if specifier:
            specifiers.append(specifier)
    return ",".join(specifiers)


def _one(part: str) -> str | None:
    if part in ("", "*"):
        return ""
    if part[0] == "^" or (part[0] == "~" and not part.startswith("~=")):
        return _range(part[0], part[1:].strip())
    if part[0].isdigit():
        return f"=={part}"
    return part if part[0] in "<>=!~" else None


def _range(sign: str, version: str) -> str | None:
    match = _PARTS.match(version)
    if match is None:
        return None
    numbers = [int(number) for number in match[0].split(".")]
    if sign == "~":
        length = 1 if len(numbers) == 1 else 2
    else:
        length = next((i + 1 for i, number in enumerate(numbers) if number), len(numbers))
    upper = [*numbers[: length - 1], numbers[length - 1] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"


def poetry_requirements(dependencies: Table, *, optional: bool = False) -> Iterator[str]:
    """Yield PEP 508 requirements; sources other than a package index are passed over."""
    for name, entry_or_entries in dependencies.items():
        if name.lower() == "python":
            continue
        entries = entry_or_entries if isinstance(entry_or_entries, list) else [entry_or_entries]
        for entry in entries:
            requirement = _requirement(name, entry, optional)
            if requirement is not None:
                yield requirement


def _requirement(name: str, entry: Any, optional: bool) -> str | None:
    if isinstance(entry, str):
        entry = {"version": entry}
    options = table(entry)
    version = options.get("version")
    if not isinstance(version, str) or (options.get("optional") and not optional):
        return None
    specifier = poetry_specifier(version)
    if specifier is None:
        return None
    extras = [extra for extra in options.get("extras", []) if isinstance(extra, str)]
    text = f"{name}[{','.join(extras)}]{specifier}" if extras else f"{name}{specifier}"
    marker = _marker(options)
    return f"{text}; {marker}" if marker else text


def _marker(options: Table) -> str:
    markers = [options["markers"]] if isinstance(options.get("markers"), str) else []
    python = options.get("python")
    if isinstance(python, str) and (specifier := poetry_specifier(python)):
        for part in specifier.split(","):
            match = re.match(r"([<>=!~]+)\s*(.+)", part)
            if match:
                markers.append(f"python_version {match[1]} '{match[2]}'")
    return " and ".join(f"({marker})" for marker in markers)
