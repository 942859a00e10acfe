"""Plugins of pytest that the project itself provides, as pytest-mock and anyio do.

Installed in place, their entry points name modules of the workspace, which is not on the import
path while pytest loads its plugins: these are loaded when it is. Python 3.8+.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from importlib import metadata
from typing import Any, Dict, Iterator, List

GROUP = "pytest11"
"""https://docs.pytest.org/en/stable/how-to/writing_plugins.html#making-your-plugin-installable"""


def project_plugins() -> Dict[str, str]:
    """Entry point → module, of those whose package is not found without the workspace."""
    return {
        entry.name: entry.value.partition(":")[0].strip()
        for entry in _entry_points()
        if importlib.util.find_spec(entry.value.partition(":")[0].partition(".")[0].strip()) is None
    }


def _entry_points() -> Iterator[Any]:
    for distribution in metadata.distributions():
        for entry in distribution.entry_points:
            if entry.group == GROUP:
                yield entry


def held_back(line: List[str], plugins: Dict[str, str]) -> List[str]:
    """pytest's command line without these plugins, which would be imported too early."""
    words: List[str] = []
    names = {*plugins, *plugins.values()}
    for word in line:
        if words and words[-1] == "-p" and word in names:
            words.pop()
        elif not (word.startswith("-p") and word[2:] in names):
            words.append(word)
    return [option for name in plugins for option in ("-p", "no:" + name)] + words


def load_plugins(manager: Any, plugins: Dict[str, str], line: List[str]) -> None:
    """Load the plugins that pytest would have loaded: all, or where the environment says so those
    that the command names; none that it turns off."""
    autoload = not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    for name, module in plugins.items():
        is_named = any(word in (name, module, "-p" + name, "-p" + module) for word in line)
        is_refused = any(word in ("no:" + name, "-pno:" + name) for word in line)
        if (autoload or is_named) and not is_refused:
            manager._name2plugin.pop(name, None)  # as `unblock` of pluggy 1.5 and newer
            manager.register(importlib.import_module(module), name=name)
