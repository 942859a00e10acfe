"""Real environments, built with pip and used by real sessions."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sandbox.base import MEBIBYTE, Environment, EnvironmentBuilder, Interpreter, Limits
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_products import merge_products
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import InstallFailed
from sandbox.languages.base import Overrides, SessionSetup
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.snapshot import Snapshot

TEST_FILE = "def test_it():\n    assert True\n"
Take = Callable[[str, dict[str, str]], Snapshot]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> ProcessSandbox:
    return ProcessSandbox(BuildSettings(cache_dir=tmp_path_factory.mktemp("cache")))


@pytest.fixture
def take(tmp_path: Path) -> Take:
    def taken(name: str, files: dict[str, str]) -> Snapshot:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        tree = resolve(str(tmp_path / name), None, tmp_path / "scratch")
        return take_snapshot(tree, tmp_path / "snapshots")

    return taken


def build(
    sandbox: ProcessSandbox, project: PythonProject, snapshot: Snapshot
) -> tuple[SessionSetup, list[str]]:
    said: list[str] = []
    try:
        return prepare_environment(sandbox, project, snapshot, said.append), said
    except InstallFailed as error:
        if "no package index can be reached" in str(error):
            pytest.skip("needs a package index")
        raise


def run(sandbox: ProcessSandbox, built: SessionSetup, *words: str) -> str:
    with sandbox.open(built.environment, built.source, Limits()) as session:
        done = session.run([built.environment.python, *words], timeout_seconds=120)
    assert done.ok, done.stdout + done.stderr
    return done.stdout


@pytest.mark.nightly
def test_folders_without_packaging_share_one_environment(
    sandbox: ProcessSandbox, take: Take
) -> None:
    first = take("one", {"calc.py": "", "test_calc.py": "import calc\n" + TEST_FILE})
    built, _ = build(sandbox, understand(first), first)
    assert "1 passed" in run(sandbox, built, "-m", "pytest", "-q")
    assert built.source == first.tar
    second = take("two", {"other.py": "", "tests/test_other.py": "import other\n" + TEST_FILE})
    again, _ = build(sandbox, understand(second), second)
    assert again.reused
    assert again.environment.root == built.environment.root
    assert "1 passed" in run(sandbox, again, "-m", "pytest", "-q")


SETUP = """
from setuptools import setup
from setuptools.command.build_py import build_py
open("src/calc/_version.py", "w").write("version = '7'\\n")
setup(name="calc", version="7", package_dir={"": "src"}, packages=["calc"],
      extras_require={"test": ["iniconfig"]})
"""


def test_what_the_installation_generates_is_there_in_later_sessions(
    sandbox: ProcessSandbox, take: Take
) -> None:
    files = {"setup.py": SETUP, "src/calc/__init__.py": "from calc._version import version\n"}
    snapshot = take("generated", {**files, "tests/test_calc.py": "import calc\n" + TEST_FILE})
    project = understand(snapshot)
    for reused in (False, True):
        built, _ = build(sandbox, project, snapshot)
        assert built.reused is reused
        assert built.source != snapshot.tar
        program = "import calc, iniconfig; print(calc.version, calc.__file__)"
        version, path = run(sandbox, built, "-c", program).split()
        assert version == "7"
        assert path.endswith("/workspace/src/calc/__init__.py")
        built.source.unlink()


class RecordingSandbox(ProcessSandbox):
    """Keeps what each of its environments was built on."""

    def __init__(self, settings: BuildSettings) -> None:
        super().__init__(settings)
        self.bases: list[Environment | None] = []

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),
    ) -> EnvironmentBuilder:
        self.bases.append(base)
        return super().build(key, interpreter, source, base, folders=folders)


@pytest.mark.slow
@pytest.mark.parametrize("setup", ["", "from setuptools import setup\nsetup(name='calc')\n"])
def test_an_older_pytest_replaces_the_newest_and_nothing_else_is_installed_again(
    take: Take, tmp_path: Path, setup: str
) -> None:
    sandbox = RecordingSandbox(BuildSettings(cache_dir=tmp_path / "cache"))
    files = {"requirements-test.txt": "sniffio\n", "calc.py": "", "test_calc.py": TEST_FILE}
    snapshot = take("calc", {**files, "setup.py": setup} if setup else files)
    project = understand(snapshot)
    build(sandbox, project, snapshot)
    sandbox.bases.clear()
    older = prepare_environment(sandbox, project, snapshot, lambda _: None, pytest_below=9)
    asked = "import pytest, sniffio; print(pytest.__version__)"
    assert int(run(sandbox, older, "-c", asked).split(".")[0]) < 9
    [base] = sandbox.bases
    assert base is not None
    assert prepare_environment(sandbox, project, snapshot, lambda _: None, pytest_below=9).reused


@pytest.mark.nightly
def test_the_versions_of_packages_and_of_what_built_the_project_are_known(
    sandbox: ProcessSandbox, take: Take
) -> None:
    setup = "from setuptools import setup\nsetup(name='calc', version='7', py_modules=['calc'])\n"
    files = {"setup.py": setup, "calc.py": "", "test_calc.py": "import calc\n" + TEST_FILE}
    snapshot = take("calc", files)
    built, _ = build(sandbox, understand(snapshot), snapshot)
    [own] = [line for line in built.packages if line.startswith("calc==")]
    assert re.fullmatch(r"calc==7 \(built by \S+ \(\d[\w.]*\)\)", own)
    asked = "from importlib.metadata import version; print('pytest==' + version('pytest'))"
    assert run(sandbox, built, "-c", asked).strip() in built.packages
    again, _ = build(sandbox, understand(snapshot), snapshot)
    assert again.packages == built.packages
    assert "REPAIR_PACKAGES" not in again.environment.variables


@pytest.mark.slow
def test_a_failing_installation_says_what_failed(sandbox: ProcessSandbox, take: Take) -> None:
    broken = "import sys\nsys.exit('no compiler for calc')\n"
    snapshot = take("broken", {"setup.py": broken, "test_calc.py": TEST_FILE})
    with pytest.raises(InstallFailed, match="no compiler for calc") as caught:
        build(sandbox, understand(snapshot), snapshot)
    assert "installing the project" in str(caught.value)
    command = Overrides(install="echo missing library; exit 3")
    with pytest.raises(InstallFailed, match="missing library"):
        build(sandbox, understand(snapshot, command), snapshot)
    folders = {path.name for path in sandbox.store.folder.iterdir() if path.is_dir()}
    records = {path.stem for path in sandbox.store.folder.glob("*.json")}
    assert {name.rpartition("-")[0] for name in folders} == records


@pytest.mark.nightly
def test_versions_that_cannot_be_had_are_dropped_with_a_note(
    sandbox: ProcessSandbox, take: Take
) -> None:
    files = {
        "requirements.txt": "iniconfig==0.0.0.1\n",
        "requirements-test.txt": "no-such-package-for-sure==1.0\n",
    }
    snapshot = take("pins", {**files, "test_calc.py": "import iniconfig\n" + TEST_FILE})
    built, said = build(sandbox, understand(snapshot), snapshot)
    assert "1 passed" in run(sandbox, built, "-m", "pytest", "-q")
    assert "requirements.txt cannot be installed as it is: trying without its versions" in said
    assert "requirements-test.txt cannot be installed: going on without it" in said


@pytest.mark.nightly
def test_a_command_of_the_user_replaces_the_installation(
    sandbox: ProcessSandbox, take: Take
) -> None:
    snapshot = take("own", {"setup.py": "1/0", "test_calc.py": TEST_FILE})
    own = Overrides(install="touch made_by_install && python -m pip --version")
    built, _ = build(sandbox, understand(snapshot, own), snapshot)
    assert "made_by_install" in run(sandbox, built, "-c", "import os; print(os.listdir('.'))")
    assert "1 passed" in run(sandbox, built, "-m", "pytest", "-q")


def test_products_of_untrusted_code_take_nobody_elses_place(take: Take, tmp_path: Path) -> None:
    snapshot = take("calc", {"calc.py": "real\n", "pkg/a.py": ""})
    hostile = io.BytesIO()
    with tarfile.open(fileobj=hostile, mode="w") as tar:
        for name in (
            "calc.py",
            "../out",
            "/abs",
            "pkg",
            "calc.py/x",
            "pkg/new.py",
            "./dot",
            "a//b",
        ):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"bad"))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    merged = merge_products(hostile.getvalue(), snapshot, tmp_path / "merged.tar")
    with tarfile.open(merged) as tar:
        files = {member.name: member.size for member in tar if not member.isdir()}
    assert files == {"calc.py": 5, "pkg/a.py": 0, "pkg/new.py": 3}
    truncated = merge_products(hostile.getvalue()[:700], snapshot, tmp_path / "short.tar")
    assert truncated.exists()


def test_products_stand_for_no_more_bytes_than_they_have(take: Take, tmp_path: Path) -> None:
    snapshot = take("calc", {"calc.py": "real\n"})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for number in range(4):
            info = tarfile.TarInfo(f"zeros{number}")
            info.size = 64 * MEBIBYTE
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    assert len(packed.getvalue()) < MEBIBYTE
    merged = merge_products(packed.getvalue(), snapshot, tmp_path / "packed.tar")
    sparse = io.BytesIO()
    with tarfile.open(fileobj=sparse, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("holes")
        info.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(200 * MEBIBYTE)}
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    again = merge_products(sparse.getvalue(), snapshot, tmp_path / "sparse.tar")
    for path in (merged, again):
        assert path.stat().st_size < MEBIBYTE
        with tarfile.open(path) as tar:
            assert tar.getnames() == ["calc.py"]


@pytest.mark.parametrize(
    "headers",
    [
        {"size": "-1536"},
        {"size": "-2048"},
        {"size": "9" * 400},
        {"GNU.sparse.map": "abc"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
    ],
    ids=["back", "before the first", "large", "map", "sparse"],
)
def test_headers_that_lie_end_the_reading(
    headers: dict[str, str], take: Take, tmp_path: Path
) -> None:
    snapshot = take("calc", {"calc.py": "real\n"})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, lies in (("first", {}), ("second", headers)):
            info = tarfile.TarInfo(name)
            info.pax_headers = lies
            tar.addfile(info)
    merged = merge_products(archive.getvalue(), snapshot, tmp_path / "merged.tar")
    with tarfile.open(merged) as tar:
        assert {"calc.py", "first"} <= {*tar.getnames()} <= {"calc.py", "first", "second"}
