"""Which requirements come from an index, and which may run a file of the project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.languages.base import Overrides
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.installation.index_only import files_read, from_index
from sandbox.languages.python.environments.recipe import Recipe, without_project, write_recipe
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

KEY_PARTS = ("bubblewrap", "/usr/bin/python3", "3.11.2")


def take(folder: Path, files: Mapping[str, str]) -> Snapshot:
    for path, text in files.items():
        (folder / "p" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "p" / path).write_text(text)
    return take_snapshot(resolve(str(folder / "p"), None, folder / "scratch"), folder / "snap")


@pytest.mark.parametrize(
    ("requirement", "answer"),
    [
        ("numpy>=1,<3; python_version > '3.8'", True),
        ("calc[extra] @ https://example.org/calc.zip", True),
        ("calc @ git+https://example.org/calc.git@main", True),
        ("calc @ file:///workspace/sub", False),
        ("calc @ ./sub", False),
        ("calc @ git+file:///workspace", False),
        ("calc.zip", False),
        ("./sub", False),
        ("-e .", False),
        ("", False),
    ],
)
def test_requirements(requirement: str, answer: bool) -> None:
    assert from_index(requirement) is answer


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "-e sub",
        ".",
        "./sub",
        "sub/",
        "sub/calc-1.whl",
        "file:sub",
        "calc @ file:sub",
        "--editable=.",
        "--find-links=wheels",
        "-f ./wheels",
        "-fwheels",
        "--index-url=file:///workspace/index",
        "-i index",
        "-r ../other.txt",
        "-r /etc/other.txt",
        "-r missing.txt",
        "-r other.txt -e .",
        "--requirement https://example.org/r.txt",
        "--pre -e .",
        "--edit .",
        "calc --config-settings=x=y",
        "calc --global-option=build",
        "${WHERE}",
        "num\\\n-e .",
        "# coding: utf-7\ncalc",
        "c\u00e4lc",
        "numpy\x0b-e .",
        "numpy\x1c./sub",
        "numpy\r./sub",
    ],
)
def test_lines_that_may_lead_to_a_file_of_the_project(tmp_path: Path, line: str) -> None:
    snapshot = take(
        tmp_path, {"requirements.txt": f"{line}\n", "other.txt": "", "sub/setup.py": ""}
    )
    assert files_read(snapshot, "requirements.txt") is None
    recipe = write_recipe(understand(snapshot), snapshot)
    assert recipe.runs_code
    assert without_project(recipe, snapshot).files == ()


def test_lines_that_lead_to_an_index(tmp_path: Path) -> None:
    text = (
        "# what is needed\n-r requirements/base.txt\n--index-url https://example.org/simple\n"
        "--extra-index-url=https://example.org/more\n-f https://example.org/links\n--pre\n"
        "numpy==1.0 \\\n    --hash=sha256:00ff \\\n    --hash=sha256:11ff\njinja2  # for pages\n"
        "-c constraints.txt\n--no-binary :all:\ncalc @ https://example.org/c.zip#sha256=00\n"
    )
    files = {
        "requirements.txt": text,
        "requirements/base.txt": "-r more.txt\n",
        "requirements/more.txt": "-r base.txt\nsix\n",
        "constraints.txt": "six<2\n",
    }
    snapshot = take(tmp_path, files)
    assert files_read(snapshot, "requirements.txt") == tuple(sorted(files))
    recipe = write_recipe(understand(snapshot), snapshot)
    assert not recipe.runs_code
    assert {path for path, _ in recipe.digests} >= set(files)


def test_a_key_follows_all_that_can_be_read(tmp_path: Path) -> None:
    def recipe(name: str, files: Mapping[str, str], install: str | None = None) -> Recipe:
        snapshot = take(tmp_path / name, files)
        return write_recipe(understand(snapshot, Overrides(install=install)), snapshot)

    plain = recipe("plain", {"a.py": "1"})
    assert plain.key(KEY_PARTS) == recipe("other", {"b.py": "2"}).key(KEY_PARTS)
    assert plain.key(KEY_PARTS) != plain.key((*KEY_PARTS, "https://example.org/simple"))
    listed = {"requirements.txt": "-r deep.txt\n", "deep.txt": "six\n"}
    changed = recipe("changed", {**listed, "deep.txt": "six<2\n"})
    assert recipe("listed", listed).key(KEY_PARTS) != changed.key(KEY_PARTS)
    for name, files, install in (
        ("setup", {"setup.py": "import helper"}, None),
        ("static", {"pyproject.toml": "[project]\nname='a'\nversion='1'"}, None),
        ("command", {"a.py": ""}, "make"),
    ):
        built = recipe(name, files, install)
        assert built.runs_code
        keys = {built.key(KEY_PARTS, *shared) for shared in (("s1", ""), ("s2", ""), ("s1", "me"))}
        assert len(keys) == 3
    assert not recipe("command again", {"a.py": ""}, "make").only_base
