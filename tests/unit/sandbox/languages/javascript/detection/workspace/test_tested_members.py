"""Which packages of a workspace are tested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agent.serialization import plain, restore
from sandbox.languages.base import Overrides
from sandbox.languages.choose import AnyProject, understand
from sandbox.languages.javascript.detection.detect import why_untested
from sandbox.languages.javascript.detection.project import Framework, JavaScriptProject
from sandbox.languages.javascript.detection.workspace.tested_members import MAX_TESTED
from sandbox.languages.javascript.environments.recipe import write_recipe
from sandbox.snapshots.snapshot import Snapshot
from tests.support.snapshot_case import snapshot_of

TEST = "require('node:test')"


def member(
    folder: str, script: str, test: str = "test/a.test.js", **more: object
) -> dict[str, str]:
    package = {"name": f"@x/{folder.rpartition('/')[2]}", "scripts": {"test": script}, **more}
    return {f"{folder}/package.json": json.dumps(package), f"{folder}/{test}": TEST}


def top(**fields: object) -> dict[str, str]:
    return {"package.json": json.dumps({"name": "top", "workspaces": ["packages/*"], **fields})}


FILES = {
    **top(scripts={"test": "npm test --workspaces"}),
    **member("packages/a", "node --test"),
    **member("packages/b", "WHO=b mocha -r ../../setup", "test/b.js"),
    **member("packages/c", "vitest", "src/c.test.ts"),
    **member("packages/other", "ava"),
    **member("tools/d", "node --test"),
    "packages/none/package.json": "{}",
    "setup.js": "",
    ".mocharc.json": '{"timeout": 9}',
}


def found(snapshot: Snapshot, test: str | None = None, *only: str) -> JavaScriptProject:
    project = understand(snapshot, Overrides(test=test, only=only))
    assert isinstance(project, JavaScriptProject)
    return project


def frameworks(project: JavaScriptProject) -> Mapping[str, Framework]:
    return {package.folder: package.framework for package in project.packages}


ALL = {
    "packages/a": Framework.NODE_TEST,
    "packages/b": Framework.MOCHA,
    "packages/c": Framework.VITEST,
}


def test_each_has_its_own_script_and_paths_from_the_top(tmp_path: Path) -> None:
    project = found(snapshot_of(tmp_path, FILES))
    assert frameworks(project) == ALL
    of_a, of_b, of_c = (package.tests for package in project.packages)
    assert of_a.files == ("packages/a/test/a.test.js",)
    assert of_b.files == ("packages/b/test/b.js",)
    assert of_c.files == ("packages/c/src/c.test.ts",)
    assert of_b.setup == ("setup.js",)
    assert of_b.variables == (("WHO", "b"),)
    assert project.is_test_path("setup.js")
    assert project.package_of("packages/c/src/new.test.ts").framework is Framework.VITEST
    assert any("packages/other: ava" in note for note in project.notes)


@pytest.mark.parametrize(
    ("files", "removed"),
    [
        ({"pnpm-workspace.yaml": "packages:\n  - 'packages/**'\n"}, "workspaces"),
        ({"lerna.json": '{"packages": ["packages/*"]}'}, "workspaces"),
        ({"package.json": '{"workspaces": {"packages": ["./packages/*/"]}}'}, ""),
    ],
)
def test_who_declares_the_packages(tmp_path: Path, files: Mapping[str, str], removed: str) -> None:
    package = json.loads(FILES["package.json"])
    package.pop(removed, None)
    snapshot = snapshot_of(tmp_path, {**FILES, "package.json": json.dumps(package), **files})
    assert frameworks(found(snapshot)) == ALL


def test_what_is_left_out_is_no_package(tmp_path: Path) -> None:
    files = {**FILES, **top(workspaces=["packages/*", "!packages/b"])}
    assert set(frameworks(found(snapshot_of(tmp_path, files)))) == {"packages/a", "packages/c"}


@pytest.mark.parametrize(
    ("test", "only"),
    [
        ("npm test -w @x/b", ()),
        ("npm test --workspace packages/b", ()),
        ("pnpm --filter b test", ()),
        ("yarn workspace @x/b test", ()),
        (None, ("packages/b/test/b.js::sums",)),
    ],
)
def test_one_that_is_named_is_tested_and_installed_alone(
    tmp_path: Path, test: str | None, only: tuple[str, ...]
) -> None:
    snapshot = snapshot_of(tmp_path, FILES)
    project = found(snapshot, test, *only)
    assert frameworks(project) == {"packages/b": Framework.MOCHA}
    assert project.name == "@x/b"
    recipe = write_recipe(project, snapshot)
    assert (recipe.member, recipe.runs_code) == ("packages/b", True)
    assert not write_recipe(found(snapshot), snapshot).member


def test_a_command_of_the_top_runs_the_tests_of_all(tmp_path: Path) -> None:
    files = {**FILES, **top(scripts={"test": "vitest"})}
    project = found(snapshot_of(tmp_path, files))
    assert frameworks(project) == {"": Framework.VITEST}
    assert any("--workspace NAME" in note for note in project.notes)


def test_many_packages_are_run_when_a_person_says_so(tmp_path: Path) -> None:
    files = {
        **top(),
        **{p: t for n in range(50) for p, t in member(f"packages/p{n}", "node --test").items()},
    }
    snapshot = snapshot_of(tmp_path, files)
    assert not understand(snapshot).has_tests
    sentence = why_untested(snapshot, Overrides())
    assert "50 packages of its workspace have tests (packages/p0, " in sentence
    assert f"no more than {MAX_TESTED} are run together" in sentence
    assert '--test "npm test --workspace packages/p0"' in sentence
    assert len(found(snapshot, "npm test --workspaces").packages) == 50
    assert list(frameworks(found(snapshot, None, "packages/p7/test/a.test.js"))) == ["packages/p7"]


def test_a_file_that_turns_out_to_be_a_test_belongs_to_its_package(tmp_path: Path) -> None:
    project = found(snapshot_of(tmp_path, FILES)).with_test_files(["packages/c/src/odd.ts"])
    assert project.is_test_path("packages/c/src/odd.ts")
    files = [package.tests.files for package in project.packages]
    assert files[2] == ("packages/c/src/c.test.ts", "packages/c/src/odd.ts")
    assert "packages/c/src/odd.ts" not in (*files[0], *files[1])


@pytest.mark.parametrize(
    "declared",
    ["../*", "/etc", "packages/*/../..", ["**"] * 3, {"packages": 7}, [[["x"]]], "node_modules/*"],
)
def test_hostile_declarations_lead_nowhere(tmp_path: Path, declared: object) -> None:
    files = {**FILES, **top(workspaces=declared), "node_modules/e/package.json": "{}"}
    project = understand(snapshot_of(tmp_path, files))
    folders = frameworks(project) if isinstance(project, JavaScriptProject) else {}
    assert all(not folder.startswith(("..", "/", "node_modules")) for folder in folders)


def test_a_package_without_what_lies_beside_it_is_told(tmp_path: Path) -> None:
    files = {
        path.removeprefix("packages/a/"): t for path, t in member("packages/a", "mocha").items()
    }
    snapshot = replace(snapshot_of(tmp_path, files), prefix="packages/a")
    assert any("give the workspace's top" in note for note in found(snapshot).notes)
    locked = replace(snapshot_of(tmp_path, {**files, "yarn.lock": ""}), prefix="packages/a")
    assert not found(locked).notes


@pytest.mark.parametrize(
    ("script", "path", "places"),
    [
        ("mocha", "test/issue1.js", ("./test",)),
        ("mocha test/a.test.js", "test/issue1.js", ("test/a.test.js", "test/issue1.js")),
        ("mocha 'test/*.js'", "test/issue1.js", ("test/*.js",)),
        ("vitest", "test/issue1.js", ()),
    ],
)
def test_runs_of_all_tests_include_a_new_file(
    tmp_path: Path, script: str, path: str, places: tuple[str, ...]
) -> None:
    files = {**FILES, **member("packages/a", script), **member("packages/b", "node --test")}
    project = found(snapshot_of(tmp_path, files)).with_new_test(f"packages/a/{path}")
    of_a, of_b, _ = (package.tests for package in project.packages)
    assert of_a.places == places
    assert f"packages/a/{path}" in of_a.files
    assert f"packages/a/{path}" not in of_b.files


def test_it_lies_in_checkpoints(tmp_path: Path) -> None:
    project = found(snapshot_of(tmp_path, FILES))
    assert restore(AnyProject, json.loads(json.dumps(plain(project)))) == project
