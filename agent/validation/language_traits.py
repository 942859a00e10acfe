"""What the layers of a verdict have to know of a project's language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.patches.path_rules import PYTHON_SOURCES, SourceRules
from sandbox.languages.base import Abilities, Canary
from sandbox.languages.python.canary import make_canary
from sandbox.languages.python.language import Python


@dataclass(frozen=True, kw_only=True)
class LanguageTraits:
    """Those of Python, where nothing else is said."""

    name: str = Python.name
    abilities: Abilities = field(default=Python.abilities)
    sources: SourceRules = PYTHON_SOURCES
    make_canary: Callable[[str, str], Canary] = make_canary
    """From a test file, and the id of a test in it."""
