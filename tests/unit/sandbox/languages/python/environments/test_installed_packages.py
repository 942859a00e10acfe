"""What an environment says of its packages: read strictly, since its code may be anybody's."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sandbox.base import CommandResult, Session
from sandbox.languages.python.environments.installed_packages import installed_packages


def said(stdout: str) -> tuple[str, ...]:
    class Talking:
        def run(self, *_: Any, **__: Any) -> CommandResult:
            return CommandResult(exit_code=0, stdout=stdout, stderr="", seconds=0.0)

    return installed_packages(cast(Session, Talking()), "python")


def test_versions_and_builders() -> None:
    rows = '[["b", "2", ""], ["A", "1", "setuptools (80.9.0)"]]'
    assert said(f"noise\n{rows}\n") == ("A==1 (built by setuptools (80.9.0))", "b==2")


@pytest.mark.parametrize("stdout", ["", "x", "{}", "null", "[1]", '[["a", 1, ""]]', '[["a"]]'])
def test_what_is_no_list_of_packages(stdout: str) -> None:
    assert said(stdout) == ()


def test_it_is_bounded() -> None:
    rows = ", ".join(f'["p{n}", "{"1" * 900}", ""]' for n in range(900))
    packages = said(f"[{rows}]")
    assert len(packages) == 500
    assert max(map(len, packages)) < 300
