"""What an installation holds: the tests run from a checkout, where a forgotten file is found."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

TOP = Path(__file__).parents[2]
SETTINGS = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["setuptools"]


def _files() -> set[Path]:
    folders = [TOP / name for name in SETTINGS["packages"]["find"]["include"] if "." not in name]
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return {path for path in found if path.parent.name != "__pycache__"}


def test_every_folder_with_code_is_a_package_that_is_installed() -> None:
    patterns = SETTINGS["packages"]["find"]["include"]
    for folder in {path.parent for path in _files()}:
        package = folder.relative_to(TOP).as_posix().replace("/", ".")
        assert any(fnmatchcase(package, pattern) for pattern in patterns), package
        assert (folder / "__init__.py").exists() or not list(folder.glob("*.py")), folder


def test_every_file_that_is_not_code_is_installed() -> None:
    patterns = ("*.py", *SETTINGS["package-data"]["*"])
    forgotten = {path for path in _files() if not any(path.match(one) for one in patterns)}
    assert forgotten == set()
