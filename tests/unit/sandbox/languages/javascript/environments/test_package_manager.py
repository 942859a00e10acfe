from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.languages.choose import understand
from sandbox.languages.javascript.detection.package_file import PackageFiles
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.environments.package_manager import package_manager
from sandbox.languages.javascript.environments.recipe import write_recipe
from tests.support.snapshot_case import snapshot_of

PNPM = {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}
YARN = {"yarn.lock": "# yarn lockfile v1\n"}
NPM = {"package-lock.json": "{}"}


def chosen(tmp_path: Path, files: Mapping[str, str], field: str = "") -> str:
    """The package that installs; empty for npm."""
    package = {"name": "calc", **({"packageManager": field} if field else {})}
    snapshot = snapshot_of(tmp_path, {"package.json": json.dumps(package), **files})
    manager = package_manager(PackageFiles(snapshot))
    return manager.package if manager else ""


@pytest.mark.parametrize(
    ("files", "field", "package"),
    [
        ({}, "", ""),
        ({}, "pnpm@9.1.0", ""),
        (NPM, "", ""),
        (PNPM, "", "pnpm@9.15.9"),
        ({"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, "", "pnpm@7.33.7"),
        ({"pnpm-lock.yaml": 'lockfileVersion: "6.0"\n'}, "", "pnpm@8.15.9"),
        ({"pnpm-lock.yaml": "lockfileVersion: 4711\n"}, "", "pnpm@9.15.9"),
        ({"pnpm-lock.yaml": "\0"}, "", "pnpm@9.15.9"),
        (PNPM, "pnpm@8.6.1+sha512.abc", "pnpm@8.6.1"),
        (PNPM, "pnpm@latest", "pnpm@9.15.9"),
        (PNPM, "pnpm@9.1.0 --ignore-scripts", "pnpm@9.15.9"),
        ({**PNPM, **YARN}, "yarn@1.22.19", "yarn@1.22.19"),
        ({**PNPM, **YARN, **NPM}, "", "pnpm@9.15.9"),
        (YARN, "", "yarn@1.22.22"),
        (YARN, "pnpm@9.1.0", ""),
        ({**YARN, **NPM}, "npm@10.8.1", ""),
        (PNPM, "npm@10.8.1", ""),
        ({"pnpm-lock.yaml": "lockfileVersion: " + "9" * 5_000}, "", "pnpm@9.15.9"),
        ({"yarn.lock": "__metadata:" + "\n" * 900_000}, "", "yarn@1.22.22"),
        ({"yarn.lock": "__metadata:\n  version: 6\n"}, "", "@yarnpkg/cli-dist@3.8.7"),
        ({"yarn.lock": "__metadata:\n  version: 8\n"}, "", "@yarnpkg/cli-dist@4.9.2"),
        ({"yarn.lock": "__metadata:\n  version: 8\n"}, "yarn@4.1.0", "@yarnpkg/cli-dist@4.1.0"),
    ],
)
def test_the_lock_file_and_the_field_choose(
    tmp_path: Path, files: Mapping[str, str], field: str, package: str
) -> None:
    assert chosen(tmp_path, files, field) == package


def test_what_it_installs_is_of_one_snapshot_alone(tmp_path: Path) -> None:
    """Its settings may name patches, hooks and other packages: all of the project may be read."""
    package = {"scripts": {"test": "node --test"}, "dependencies": {"a": "1"}}
    files = {"package.json": json.dumps(package), "test/a.test.js": "", **PNPM}
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, JavaScriptProject)
    recipe = write_recipe(project, snapshot)
    assert recipe.runs_code
    assert recipe.manager is not None
