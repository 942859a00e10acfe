"""Installs lists of requirements: together, else without their versions, else one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement

from sandbox.languages.python.environments.installation.index_only import listed_in
from sandbox.languages.python.environments.installation.pip import Pip
from sandbox.snapshots.snapshot import Snapshot


@dataclass
class RequirementLists:
    """The lists of one recipe."""

    pip: Pip
    snapshot: Snapshot
    left_out: list[str] = field(default_factory=list)
    """What could not be installed and was not waited for, one sentence each."""

    def together(self, arguments: Sequence[str]) -> bool:
        """Install all of it with the base, or nothing."""
        return self.pip.install([*arguments, *self.pip.recipe.base])

    def file(self, path: str) -> bool:
        """Install a requirements file, and say whether anything of it was installed."""
        if self.together(["-r", self.pip.inside(path)]):
            return True
        self.pip.commands.say(f"{path} cannot be installed as it is: trying without its versions")
        requirements = listed_in(self.snapshot, path)
        loose = [text for line in requirements if (text := _without_version(line))]
        if loose and len(loose) == len(requirements) and self.together(loose):
            return True
        return bool(requirements) and self.one_by_one(requirements)

    def one_by_one(self, requirements: Sequence[str]) -> bool:
        """Install what can be, old versions as newer ones; name the rest, and say whether
        anything was installed."""
        failures = 0
        for requirement in requirements:
            if self.together([requirement]):
                continue
            loose = _without_version(requirement)
            if loose and loose != requirement and self.together([loose]):
                self.pip.commands.say(f"{requirement} cannot be installed: another version is")
                continue
            failures += 1
            if len(requirements) > 1 or self.pip.recipe.requirements == tuple(requirements):
                self.leave_out(requirement)
        return failures < len(requirements)

    def leave_out(self, what: str) -> None:
        """Go on without it, and keep why."""
        cause = self.pip.commands.cause()
        self.pip.commands.say(f"{what} cannot be installed: going on without it")
        self.left_out.append(f"{what} is not installed" + (f": {cause}" if cause else ""))


def _without_version(line: str) -> str | None:
    """Return a requirement without its versions; None for one that has none to be without."""
    try:
        requirement = Requirement(line)
    except (InvalidRequirement, RecursionError):
        return None
    if requirement.url is not None:
        return None
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}{extras}{marker}"
