"""Whether `repair` has its Python environment to itself: `agent` and `cli` are names others use."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distributions, packages_distributions, requires

from agent.extras import DISTRIBUTION
from cli.doctor.findings import Finding, State

NAME = "environment"
TOP_LEVEL_NAMES = ("agent", "cli", "sandbox", "workers")
TOOLS = frozenset({"pip", "setuptools", "wheel", "uv"})
"""What an environment is made with."""
MAX_SHOWN = 5
ADVICE = "give `repair` an environment of its own: `pipx install` or `uv tool install`"


def own_environment() -> Finding:
    """What else is installed beside this program, and whether it has one of its module names."""
    if clashes := _clashes():
        words = f"{sys.prefix}: {'; '.join(clashes)}"
        return Finding(name=NAME, state=State.BROKEN, found=words, advice=ADVICE)
    strangers = sorted(_installed() - _needed(DISTRIBUTION) - TOOLS)
    if strangers:
        names = f"{', '.join(strangers[:MAX_SHOWN])}{', …' if len(strangers) > MAX_SHOWN else ''}"
        words = f"{sys.prefix}, shared with {names}"
        return Finding(name=NAME, state=State.PARTLY, found=words, advice=ADVICE)
    return Finding(name=NAME, state=State.OK, found=f"{sys.prefix}, its own")


def _clashes() -> list[str]:
    """Modules of ours that another package has, too: one of the two gets the other's."""
    owners = packages_distributions()
    clashes = []
    for module in TOP_LEVEL_NAMES:
        packages = sorted({_normalized(o) for o in owners.get(module, ())} - {DISTRIBUTION})
        if packages:
            clashes.append(f"`{module}` is a module of {', '.join(packages)}, too")
    return clashes


def _installed() -> set[str]:
    return {_normalized(package.metadata["Name"]) for package in distributions()}


def _needed(root: str) -> set[str]:
    """The package with all that it or one of its extras needs, and what that needs."""
    names: set[str] = set()
    queue = [root]
    while queue:
        name = _normalized(queue.pop())
        if name not in names:
            names.add(name)
            queue += _names(_requirements(name))
    return names


def _requirements(name: str) -> Iterable[str]:
    try:
        return requires(name) or ()
    except PackageNotFoundError:
        return ()


def _names(requirements: Iterable[str]) -> list[str]:
    matches = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return [match[0] for match in matches if match]


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
