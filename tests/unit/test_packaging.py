"""What an installation holds: the tests run from a checkout, where a forgotten package is found."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[2]
ROOMS = ("agent", "cli", "sandbox", "workers")


def _setuptools() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]
    return dict(found["setuptools"])


def _folders() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in [TOP / room, *(TOP / room).rglob("*")] if path.is_dir())


def test_every_package_is_installed() -> None:
    found = {
        folder.relative_to(TOP).as_posix().replace("/", ".")
        for folder in _folders()
        if any(folder.glob("*.py"))
    }
    assert set(_setuptools()["packages"]) == found


def test_every_file_that_is_not_code_is_installed() -> None:
    installed = {
        path
        for package, patterns in _setuptools()["package-data"].items()
        for pattern in patterns
        for path in (TOP / package.replace(".", "/")).glob(pattern)
    }
    others = {
        path
        for folder in _folders()
        if folder.name != "__pycache__"
        for path in folder.iterdir()
        if path.is_file() and path.suffix != ".py"
    }
    assert others == installed
