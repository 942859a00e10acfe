"""Projects whose builds need something around them, installed by the real pip."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.base import Limits
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_products import products_in
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import InstallFailed
from sandbox.languages.base import Overrides, SessionSetup
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

pytestmark = pytest.mark.nightly

TEST = "def test_it():\n    assert True\n"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> ProcessSandbox:
    return ProcessSandbox(BuildSettings(cache_dir=tmp_path_factory.mktemp("cache")))


class Installed:
    """A project that was installed, and what was said of it."""

    def __init__(
        self, sandbox: ProcessSandbox, folder: Path, files: dict[str, str], *, tag: str = ""
    ) -> None:
        self.sandbox, self.said = sandbox, list[str]()
        self.snapshot = _snapshot(folder, files, tag)
        project = understand(self.snapshot, Overrides(python="3"))
        try:
            self.built: SessionSetup = prepare_environment(
                sandbox, project, self.snapshot, self.said.append
            )
        except InstallFailed as error:
            if "no package index can be reached" in str(error):
                pytest.skip("needs a package index")
            raise

    def run(self, program: str) -> str:
        with self.sandbox.open(self.built.environment, self.built.source, Limits()) as session:
            command = [self.built.environment.python, "-c", program]
            done = session.run(command, timeout_seconds=120)
        assert done.ok, done.stdout + done.stderr
        return done.stdout.strip()

    @property
    def products(self) -> set[str]:
        return set(products_in(self.built.source, self.snapshot))


def _snapshot(folder: Path, files: dict[str, str], tag: str) -> Snapshot:
    for path, text in {"test_calc.py": TEST, **files}.items():
        (folder / "calc-project" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "calc-project" / path).write_text(text)
    tree = resolve(str(folder / "calc-project"), None, folder / "scratch")
    snapshot = take_snapshot(tree, folder / "snapshots")
    if tag:
        object.__setattr__(snapshot, "tag", tag)
        object.__setattr__(snapshot, "version", tag.removeprefix("v"))
    return snapshot


VERSION = "from importlib import metadata; print(metadata.version('calc'))"


def test_a_build_that_imports_pkg_resources(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    setup = """
import pkg_resources
from setuptools import setup
setup(name="calc", version="3", py_modules=["calc"])
"""
    files = {"setup.py": setup, "pyproject.toml": BUILT_BY_NEW_SETUPTOOLS, "calc.py": ""}
    installed = Installed(sandbox, tmp_path, files)
    assert installed.run(VERSION) == "3"
    assert not installed.built.left_out


BUILT_BY_NEW_SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
"""


def test_a_setup_that_imports_what_the_project_depends_on(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    setup = """
import iniconfig
import calc
from setuptools import setup
setup(name="calc", version=calc.VERSION, py_modules=["calc"], install_requires=["iniconfig"])
"""
    files = {"setup.py": setup, "pyproject.toml": BUILT_BY_NEW_SETUPTOOLS}
    installed = Installed(sandbox, tmp_path, {**files, "calc.py": "VERSION = '4'\n"})
    assert installed.run(VERSION) == "4"
    assert "its build imports iniconfig: again without isolation" in installed.said
    assert "its build imports calc: again without isolation" in installed.said


def test_a_build_that_asks_git_is_given_a_history_that_no_test_sees(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    setup = """
import subprocess
from setuptools import setup
def git(*words):
    return subprocess.check_output(["git", *words]).decode().strip()
version = git("describe", "--tags", "--dirty").lstrip("v")
open("commit.py", "w").write("commit = %r" % git("rev-parse", "HEAD"))
setup(name="calc", version=version, py_modules=["calc"])
"""
    installed = Installed(sandbox, tmp_path, {"setup.py": setup, "calc.py": ""}, tag="v1.2.3")
    assert installed.run(VERSION) == "1.2.3"
    assert installed.run(
        "import commit, os; print(len(commit.commit), os.path.exists('.git'))"
    ) == ("40 False")
    assert installed.products == {"commit.py"}


EXTENSION = """
from setuptools import Extension, setup
setup(name="calc", version="1", packages=["calc"], ext_modules=[
    Extension("calc._good", ["good.c"]), Extension("calc._bad", ["bad.c"], optional=True)])
"""
GOOD = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_good"};
PyMODINIT_FUNC PyInit__good(void) { return PyModule_Create(&module); }
"""


def test_a_declared_extension_that_was_not_built_is_said(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    interpreters = sandbox.interpreters()
    if not interpreters[0].compiler:
        pytest.skip("this machine has no C compiler with Python's headers")
    files = {"setup.py": EXTENSION, "good.c": GOOD, "bad.c": "#error no\n", "calc/__init__.py": ""}
    installed = Installed(sandbox, tmp_path, files)
    assert installed.run("import calc._good; print('there')") == "there"
    assert installed.built.not_built == (
        "declared and not built: the compiled module calc._bad (setuptools)",
    )
    again = prepare_environment(
        sandbox, understand(installed.snapshot, Overrides(python="3")), installed.snapshot, print
    )
    assert again.reused
    assert again.not_built == installed.built.not_built


def test_what_cannot_be_had_is_left_out_and_named(sandbox: ProcessSandbox, tmp_path: Path) -> None:
    url = "far @ https://nowhere.invalid/far-1.0-py3-none-any.whl"
    pyproject = f"""
[project]
name = "calc"
version = "5"
dependencies = ["iniconfig==0.0.0.1"]
[dependency-groups]
test = ["{url}", "attrs"]
[tool.setuptools]
py-modules = ["calc"]
"""
    files = {
        "pyproject.toml": pyproject,
        "calc.py": "",
        "requirements-test.txt": "git+https://nowhere.invalid/near.git\nsix==1.0.999\n",
    }
    installed = Installed(sandbox, tmp_path, files)
    assert installed.run("import attr, six, iniconfig; print('there')") == "there"
    assert installed.run(VERSION) == "5"
    left_out = [sentence.partition(":")[0] for sentence in installed.built.left_out]
    assert any(sentence.startswith("git+https") for sentence in left_out)
    assert any(sentence.startswith("far @") for sentence in left_out)
    assert "six==1.0.999 cannot be installed: another version is" in installed.said
    assert "iniconfig==0.0.0.1 cannot be installed: another version is" in installed.said


WHEEL_BACKEND = """
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, information = "calc-1-py3-none-any.whl", "calc-1.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("calc/__init__.py", "place = 'wheel'")
        wheel.writestr("calc/generated.py", "made = True")
        metadata = "Metadata-Version: 2.1\\nName: calc\\nVersion: 1\\n"
        wheel.writestr(information + "METADATA", metadata)
        tag = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(information + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\n" + tag)
        wheel.writestr(information + "RECORD", "")
    return name
"""


def test_a_backend_that_does_not_work_in_place_leaves_the_sources_to_be_tested(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    pyproject = """
[build-system]
requires = []
build-backend = "mesonpy"
backend-path = ["backend"]
[project]
name = "calc"
version = "1"
"""
    files = {
        "pyproject.toml": pyproject,
        "backend/mesonpy.py": WHEEL_BACKEND,
        "src/calc/__init__.py": "place = 'source'\n",
    }
    installed = Installed(sandbox, tmp_path, files)
    program = "import calc, calc.generated as more; print(calc.place, more.made)"
    assert installed.run(program) == "source True"
    assert installed.products == {"src/calc/generated.py"}
    assert len(installed.built.not_built) == 1


def test_a_module_compiled_from_a_source_beside_it_is_left_out(
    sandbox: ProcessSandbox, tmp_path: Path
) -> None:
    setup = """
import importlib.machinery
from setuptools import setup
for name in ("core", "speedups"):
    open(f"calc/{name}{importlib.machinery.EXTENSION_SUFFIXES[0]}", "w").write("compiled")
setup(name="calc", version="3", packages=["calc"])
"""
    sources = {"calc/__init__.py": "", "calc/core.py": "answer = 42\n"}
    installed = Installed(sandbox, tmp_path, {"setup.py": setup, **sources})
    assert installed.run("import calc.core; print(calc.core.answer)") == "42"
    [product] = installed.products
    assert product.startswith("calc/speedups.")
    [sentence] = installed.built.left_out
    assert sentence.startswith("compiled in front of its own source: calc/core.")
