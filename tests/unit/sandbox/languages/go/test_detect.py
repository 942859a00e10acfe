"""What is found of a Go project, from its files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox.languages.base import Overrides
from sandbox.languages.choose import understand
from sandbox.languages.go.canary import make_canary
from sandbox.languages.go.detection.module_files import read_module_file
from sandbox.languages.go.detection.project import GoProject
from sandbox.languages.go.environments.recipe import _IMPORTS, COMMON, write_recipe
from sandbox.languages.python.detection.project import PythonProject
from tests.support.snapshot_case import snapshot_of

MODULE = "module example.com/calc\n\ngo 1.22\n"
TEST = 'package calc\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n'
FILES = {"go.mod": MODULE, "calc.go": "package calc\n", "calc_test.go": TEST}
PYTHON = {"tests/test_a.py": "def test_a(): pass\n"}


def found(
    tmp_path: Path, files: Mapping[str, str] | None = None, test: str | None = None
) -> GoProject:
    project = understand(snapshot_of(tmp_path, {**FILES, **(files or {})}), Overrides(test=test))
    assert isinstance(project, GoProject)
    return project


def test_a_module_and_its_tests(tmp_path: Path) -> None:
    project = found(
        tmp_path,
        {
            "inner/deep_test.go": TEST,
            "vendor/other/x_test.go": TEST,
            "testdata/y_test.go": TEST,
            "_left/z_test.go": TEST,
            ".hidden/z_test.go": TEST,
            "_out_test.go": TEST,
        },
    )
    assert project.name == "example.com/calc"
    assert project.tests.files == ("calc_test.go", "inner/deep_test.go")
    assert project.go_version == (1, 22, 0)
    assert project.has_tests


def test_modules_below_and_tests_in_none(tmp_path: Path) -> None:
    files = {
        "a/go.mod": "module example.com/a\n\ngo 1.21\n",
        "a/x_test.go": TEST,
        "b/go.mod": "module example.com/b\n\ngo 1.23.4\n",
        "b/y_test.go": TEST,
        "stray/z_test.go": TEST,
        "go.work": "go 1.24\n\nuse (\n\t./a\n\t./b\n)\n",
    }
    project = understand(snapshot_of(tmp_path, files))
    assert isinstance(project, GoProject)
    assert project.modules == {"a": "example.com/a", "b": "example.com/b"}
    assert project.tests.files == ("a/x_test.go", "b/y_test.go")
    assert project.go_version == (1, 24, 0)
    assert any("1 test files lie in no module" in note for note in project.notes)


def test_what_is_no_go_mod_is_read_as_far_as_it_goes() -> None:
    file = read_module_file("go.mod", b'\xff{{{\nmodule "a/b" // why\ngo one\nrequire (\n\tx v1\n')
    assert (file.module, file.go, file.requires) == ("a/b", None, True)
    assert not read_module_file("go.mod", b"require (\n)\n").requires


@pytest.mark.parametrize(
    ("command", "options", "files"),
    [
        ("go test ./...", (), ("calc_test.go", "inner/deep_test.go")),
        ("go test .", (), ("calc_test.go",)),
        ("go test -v ./inner/...", (), ("inner/deep_test.go",)),
        ("CGO_ENABLED=0 go test -run X -tags slow -race .", ("-tags=slow", "-race"), None),
        (
            "make x && go test -tags=slow ./inner | tee log",
            ("-tags=slow",),
            ("inner/deep_test.go",),
        ),
        ("go test example.com/calc/...", (), ("calc_test.go", "inner/deep_test.go")),
    ],
)
def test_a_command_that_was_given(
    tmp_path: Path, command: str, options: tuple[str, ...], files: tuple[str, ...] | None
) -> None:
    project = found(tmp_path, {"inner/deep_test.go": TEST, **PYTHON}, test=command)
    assert project.tests.given
    assert project.tests.options == options
    assert files is None or project.tests.files == files


def test_a_command_that_runs_no_go_test_is_none_of_go(tmp_path: Path) -> None:
    project = understand(snapshot_of(tmp_path, FILES), Overrides(test="make test"))
    assert isinstance(project, PythonProject)


def test_of_two_languages_one_is_run_and_the_other_told(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, {**FILES, **PYTHON})
    project = understand(snapshot)
    assert isinstance(project, PythonProject)
    assert any("tests in Go, too" in note and "go test ./..." in note for note in project.notes)


def test_tests_that_are_named_decide_which_language_is_run(tmp_path: Path) -> None:
    snapshot = snapshot_of(tmp_path, {**FILES, **PYTHON})
    project = understand(snapshot, Overrides(only=("calc_test.go::TestA",)))
    assert isinstance(project, GoProject)
    assert not project.notes
    for only in (("tests/test_a.py::test_a",), ("tests/test_a.py::test_a", "calc_test.go::TestA")):
        assert isinstance(understand(snapshot, Overrides(only=only)), PythonProject)


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        (("calc.go",), GoProject),
        (("README.md", "calc.go"), GoProject),
        (("calc.go", "calc.py"), PythonProject),
        (("README.md",), PythonProject),
    ],
)
def test_the_files_of_a_patch_decide_which_language_judges_it(
    tmp_path: Path, changed: tuple[str, ...], kind: type
) -> None:
    snapshot = snapshot_of(tmp_path, {**FILES, **PYTHON})
    assert isinstance(understand(snapshot, Overrides(changed=changed)), kind)


@pytest.mark.parametrize(
    "path",
    [
        *("go.mod", "a/go.sum", "go.work", "vendor/x/y.go", "Makefile", ".golangci.yml"),
        *("a/b_test.go", "a/testdata/in.go", "B_TEST.GO", ".github/x.go", "Vendor/x/y.go"),
    ],
)
def test_what_steers_the_tests_is_protected(tmp_path: Path, path: str) -> None:
    project = found(tmp_path)
    assert project.is_test_path(path) or project.is_config_path(path)


def test_source_is_not(tmp_path: Path) -> None:
    project = found(tmp_path)
    for path in ("calc.go", "internal/test.go", "vendored.go", "data/testdata.go"):
        assert not project.is_test_path(path)
        assert not project.is_config_path(path)
        assert project.is_source_path(path)


def test_modules_are_downloaded_for_the_files_that_name_them(tmp_path: Path) -> None:
    files = {
        **FILES,
        "go.mod": f"{MODULE}\nrequire example.org/x v1.0.0\n",
        "go.sum": "example.org/x v1.0.0 h1:abc=\n",
        "calc.go": 'package calc\n\nimport (\n\tx "net/http"\n\t"example.com/calc/y"\n)\n',
    }
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, GoProject)
    recipe = write_recipe(project, snapshot)
    assert recipe.folders == ("",)
    assert [path for path, _ in recipe.digests] == ["go.mod", "go.sum"]
    assert set(recipe.standard) == {*COMMON, "net/http"}
    assert not recipe.runs_code


def test_vendored_modules_are_there(tmp_path: Path) -> None:
    files = {
        **FILES,
        "go.mod": f"{MODULE}\nrequire example.org/x v1.0.0\n",
        "vendor/modules.txt": "# example.org/x v1.0.0\n",
    }
    snapshot = snapshot_of(tmp_path, files)
    project = understand(snapshot)
    assert isinstance(project, GoProject)
    assert write_recipe(project, snapshot).folders == ()


def test_projects_without_dependencies_share_an_environment(tmp_path: Path) -> None:
    keys = set()
    for name in ("one", "two"):
        files = {**FILES, "go.mod": MODULE.replace("calc", name), "x.go": f"package {name}\n"}
        snapshot = snapshot_of(tmp_path / name, files)
        project = understand(snapshot)
        assert isinstance(project, GoProject)
        keys.add(write_recipe(project, snapshot).key(["go"]))
    assert len(keys) == 1


def test_the_canary_is_the_last_file_of_its_package() -> None:
    """What ends the process before keeps it from passing."""
    assert make_canary("store/zebra_test.go", b"package store\n").path.startswith("store/zz")


def test_imports_that_are_never_closed_are_read_in_one_go() -> None:
    """With a pattern that looks to the end of the file for each, this takes hours."""
    assert _IMPORTS.findall(b"import (\n" * 100_000) == []
    assert _IMPORTS.findall(b'import (\n\t"fmt"\n)\n') == [(b'\n\t"fmt"\n', b"")]


def test_a_module_without_tests_is_not_installed_and_asks_for_no_go(tmp_path: Path) -> None:
    """Examples and tools may need what nobody can fetch."""
    snapshot = snapshot_of(
        tmp_path,
        {
            "go.mod": "module example.org/calc\n\ngo 1.21\n\nrequire example.org/x v1.0.0\n",
            "calc/calc_test.go": "package calc\n",
            "examples/go.mod": "module examples\n\ngo 1.99\n\nrequire example.org/y v1.0.0\n",
            "examples/main.go": "package main\n",
        },
    )
    project = understand(snapshot, Overrides())
    assert isinstance(project, GoProject)
    assert project.go_version == (1, 21, 0)
    assert write_recipe(project, snapshot).folders == ("",)
