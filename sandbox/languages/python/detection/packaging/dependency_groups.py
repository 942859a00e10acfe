"""Named lists of requirements beside a project's own: dependency groups of every tool."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.languages.python.detection.config_files import ConfigFiles, Table, table, words
from sandbox.languages.python.detection.packaging.poetry import poetry_requirements


def dependency_groups(files: ConfigFiles) -> dict[str, list[str]]:
    """Return group → requirements: PEP 735, poetry, pdm, uv and hatch."""
    pyproject = files.toml("pyproject.toml")
    tool = table(pyproject, "tool")
    standard = table(pyproject, "dependency-groups")
    groups = {name: list(_resolve(name, standard, ())) for name in standard}
    for name, group in table(tool, "poetry", "group").items():
        groups.setdefault(name, []).extend(poetry_requirements(table(group, "dependencies")))
    legacy_group = table(tool, "poetry", "dev-dependencies")
    groups.setdefault("dev", []).extend(poetry_requirements(legacy_group))
    for name, group in table(tool, "pdm", "dev-dependencies").items():
        groups.setdefault(name, []).extend(words(group))
    groups["dev"].extend(words(table(tool, "uv").get("dev-dependencies")))
    for name, environment in table(tool, "hatch", "envs").items():
        role = "dev" if name == "default" else name
        lists = (table(environment).get(key) for key in ("dependencies", "extra-dependencies"))
        groups.setdefault(role, []).extend(
            requirement for value in lists for requirement in words(value)
        )
    return {name: group for name, group in groups.items() if group}


def _resolve(name: str, groups: Table, above: tuple[str, ...]) -> Iterator[str]:
    """Follow `include-group` (PEP 735); a circle ends."""
    entries = groups.get(name)
    for entry in entries if isinstance(entries, list) else []:
        group = entry.get("include-group") if isinstance(entry, dict) else None
        if isinstance(entry, str):
            yield entry
        elif isinstance(group, str) and group not in (*above, name) and len(above) < 20:
            yield from _resolve(group, groups, (*above, name))
