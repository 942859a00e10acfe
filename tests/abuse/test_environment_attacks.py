"""Projects that try to reach others, or the host, through the environments that are kept."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sandbox.base import MEBIBYTE, Limits
from sandbox.engines.bubblewrap import BubblewrapSandbox
from sandbox.engines.choose import AnySandbox
from sandbox.engines.docker.engine import DockerSandbox
from sandbox.engines.reaper import reap
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import EnvironmentDamaged, EnvironmentTooLarge, InstallFailed
from sandbox.languages.base import Overrides, SessionSetup
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

Prepare = Callable[..., tuple[SessionSetup, list[str]]]

TEST = "def test_it():\n    assert True\n"
POISON = "import sys; sys.poisoned = True\n"
PLANT = f"""
import os
for part in os.environ["PATH"].split(":"):
    if os.path.exists(os.path.dirname(part) + "/pyvenv.cfg"):
        for folder, _, _ in os.walk(os.path.dirname(part)):
            if folder.endswith("site-packages"):
                open(folder + "/poison.pth", "w").write({POISON!r})
"""
BACKEND = """
import zipfile
def _wheel(folder):
    name = "calc-1-py3-none-any.whl"
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        info = "calc-1.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: calc\\nVersion: 1\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
def build_wheel(folder, settings=None, metadata=None): return _wheel(folder)
def build_editable(folder, settings=None, metadata=None): return _wheel(folder)
"""
IN_TREE = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "calc"
version = "1"
"""
SETUP = (
    "import helper\nfrom setuptools import setup\nsetup(name='calc', version='1', py_modules=[])\n"
)
LEGACY = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta:__legacy__"
"""


@pytest.fixture(scope="module")
def sandbox(
    tmp_path_factory: pytest.TempPathFactory, need_sandbox: Callable[[str], AnySandbox]
) -> BubblewrapSandbox:
    need_sandbox("bubblewrap")
    return BubblewrapSandbox(BuildSettings(cache_dir=tmp_path_factory.mktemp("cache")))


@pytest.fixture
def prepare(sandbox: BubblewrapSandbox, tmp_path: Path) -> Prepare:
    """Prepare a project of these files; return what was built and what was said."""

    def prepared(
        name: str,
        files: Mapping[str, str],
        *,
        box: AnySandbox = sandbox,
        install: str | None = None,
        owner: str = "",
    ) -> tuple[SessionSetup, list[str]]:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        tree = resolve(str(tmp_path / name), None, tmp_path / "scratch")
        snapshot = take_snapshot(tree, tmp_path / "snapshots")
        project = understand(snapshot, Overrides(install=install))
        said: list[str] = []
        try:
            built = prepare_environment(box, project, snapshot, said.append, owner=owner)
        except InstallFailed as error:
            if "no package index can be reached" in str(error):
                pytest.skip("needs a package index")
            raise
        return built, said

    return prepared


def answer(sandbox: AnySandbox, built: SessionSetup, code: str) -> str:
    with sandbox.open(built.environment, built.source, Limits()) as session:
        done = session.run(
            [built.environment.python, "-c", code], timeout_seconds=120, env={"PYTHONPATH": ""}
        )
    assert done.ok, done.stdout + done.stderr
    return done.stdout.strip()


def poisoned(sandbox: AnySandbox, built: SessionSetup) -> bool:
    return answer(sandbox, built, "import sys; print(hasattr(sys, 'poisoned'))") == "True"


def test_modules_at_the_root_neither_run_nor_break_the_base(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    names = ("venv", "pip", "logging", "types", "ensurepip", "subprocess", "pytest", "site")
    hostile = {f"{name}.py": PLANT + "raise SystemExit('it ran')\n" for name in names}
    built, _ = prepare("hostile", {**hostile, "test_it.py": TEST})
    again, _ = prepare("innocent", {"calc.py": "", "test_it.py": TEST})
    assert again.reused
    assert again.environment.root == built.environment.root
    assert not poisoned(sandbox, again)


def test_an_honest_project_with_a_logging_module_is_prepared_and_its_tests_run(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    files = {
        "pyproject.toml": IN_TREE,
        "backend.py": BACKEND,
        "logging.py": "HERE = True\n",
        "types.py": "HERE = True\n",
        "tests/test_it.py": TEST,
    }
    built, _ = prepare("honest", files)
    with sandbox.open(built.environment, built.source, Limits()) as session:
        line = [built.environment.python, "-I", "-m", "pytest", "-q", "tests"]
        done = session.run(line, timeout_seconds=120)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("shared", "module", "honest"),
    [
        pytest.param({"pyproject.toml": IN_TREE}, "backend.py", BACKEND, id="in-tree backend"),
        pytest.param(
            {"pyproject.toml": LEGACY, "setup.py": SETUP},
            "helper.py",
            "",
            id="module that setup.py imports",
        ),
    ],
)
def test_a_fork_with_the_same_packaging_does_not_poison_upstream(
    sandbox: BubblewrapSandbox,
    prepare: Prepare,
    shared: Mapping[str, str],
    module: str,
    honest: str,
) -> None:
    fork, _ = prepare("fork", {**shared, module: honest + PLANT, "test_it.py": TEST})
    assert poisoned(sandbox, fork), "the attack works on the attacker's own environment"
    upstream, _ = prepare("upstream", {**shared, module: honest, "test_it.py": TEST})
    assert not upstream.reused
    assert not poisoned(sandbox, upstream)
    plain, _ = prepare("plain", {"test_it.py": TEST})
    assert not poisoned(sandbox, plain), "nor what both are built on"


def test_local_requirements_and_commands_stay_with_their_snapshot(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    package = {"sub/pyproject.toml": IN_TREE, "test_it.py": TEST, "requirements.txt": "./sub\n"}
    fork, _ = prepare("fork", {**package, "sub/backend.py": BACKEND + PLANT})
    assert poisoned(sandbox, fork)
    upstream, _ = prepare("upstream", {**package, "sub/backend.py": BACKEND})
    assert not upstream.reused
    assert not poisoned(sandbox, upstream)
    script = {"install.sh": "true\n", "test_it.py": TEST}
    prepare("one", script, install="sh install.sh")
    other, _ = prepare("two", {**script, "install.sh": "exit 0\n"}, install="sh install.sh")
    assert not other.reused


def test_what_a_projects_code_made_is_not_given_to_another_owner(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    files = {"pyproject.toml": IN_TREE, "backend.py": BACKEND, "test_it.py": TEST}
    mine, _ = prepare("mine", files, owner="mallory")
    same, _ = prepare("mine", files, owner="mallory")
    other, _ = prepare("mine", files, owner="alice")
    assert (same.reused, other.reused) == (True, False)
    assert mine.environment.root != other.environment.root
    plain, _ = prepare("plain", {"test_it.py": TEST}, owner="mallory")
    shared, _ = prepare("plain", {"test_it.py": TEST}, owner="alice")
    assert shared.environment.root == plain.environment.root, "no code of a project ran in it"


def test_a_damaged_environment_is_built_anew_and_said(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    files = {"test_it.py": TEST}
    built, _ = prepare("plain", files)
    root = built.environment.root
    assert root is not None
    module = next(root.glob("lib/python*/site-packages/pytest/__init__.py"))
    times = module.stat()
    module.write_bytes(module.read_bytes().replace(b"pytest", b"pYtest", 1))
    os.utime(module, ns=(times.st_atime_ns, times.st_mtime_ns))
    again, said = prepare("plain", files)
    assert not again.reused
    assert again.environment.root != root
    assert any("no longer what was sealed: it is built anew" in line for line in said)
    with pytest.raises(EnvironmentDamaged, match="no longer kept"):
        sandbox.open(built.environment, built.source, Limits())


def test_a_restored_backup_is_no_damage(sandbox: BubblewrapSandbox, prepare: Prepare) -> None:
    built, _ = prepare("plain", {"test_it.py": TEST})
    assert built.environment.root is not None
    for file in built.environment.root.rglob("*.py"):
        os.utime(file, follow_symlinks=False)
    again, _ = prepare("plain", {"test_it.py": TEST})
    assert again.reused


@pytest.mark.parametrize("name", ["bubblewrap", "docker"])
def test_whoever_seals_first_wins(
    name: str,
    need_sandbox: Callable[[str], AnySandbox],
    pack: Callable[[Mapping[str, bytes]], Path],
) -> None:
    box = need_sandbox(name)
    key = f"race{os.urandom(4).hex()}"
    python = box.interpreters()[0]
    source = pack({})
    sealed = []
    builders = [box.build(key, python, source) for _ in range(2)]
    for number, builder in enumerate(builders):
        builder.session.write(f"{builder.prefix}/who", str(number).encode())
        sealed.append(builder.seal(python=python.path, python_version=python.version, variables={}))
        builder.discard()
    assert sealed[0] == sealed[1] == box.environment(key)
    with box.open(sealed[1], source, Limits()) as session:
        assert session.read(f"{builders[0].prefix}/who") == b"0"
    if isinstance(box, DockerSandbox):
        box.client.images.remove(f"repair-environment:{key}", force=True)


def test_an_environment_names_no_program_of_the_host(
    sandbox: BubblewrapSandbox, prepare: Prepare, tmp_path: Path
) -> None:
    """`pyvenv.cfg` and `bin/python` are the project's; what they name would run as the user."""
    trap = tmp_path / "trapped"
    plant = (
        "prefix=$(python -c 'import sys; print(sys.prefix)'); mkdir $prefix/trap;"
        f" printf '#!/bin/sh\\ntouch {trap}\\n' > $prefix/trap/evil; chmod 755 $prefix/trap/evil;"
        " for v in 8 9 10 11 12 13 14; do cp $prefix/trap/evil $prefix/trap/python3.$v; done;"
        ' sed -i "s,^home.*,home = $prefix/trap," $prefix/pyvenv.cfg'
    )
    built, _ = prepare("trap", {"test_it.py": TEST}, install=f"{plant}; touch done")
    (sandbox.store.folder / f"{built.environment.key}.json").unlink()
    for python in (built.environment.python, f"{built.environment.root}/trap/evil"):
        environment = dataclasses.replace(built.environment, python=python)
        with pytest.raises(EnvironmentDamaged):
            sandbox.open(environment, built.source, Limits())
    assert not trap.exists()


NEST = (
    "import os, sys\n"
    "os.chdir(sys.prefix)\n"
    "for _ in range(1500): os.mkdir('d' * 100); os.chdir('d' * 100)\n"
    "os.symlink('.', 'x'); os.chmod('.', 0)\n"
)


def test_nested_folders_of_an_installation_stop_nothing(
    sandbox: BubblewrapSandbox, prepare: Prepare
) -> None:
    files = {"nest.py": NEST, "test_it.py": TEST}
    prepare("plain", {"test_it.py": TEST}, install="true")  # what it is built on is there
    before = set(sandbox.store.folder.iterdir())
    with pytest.raises(InstallFailed, match="nested too deep"):
        prepare("nest", files, install="python nest.py")
    assert set(sandbox.store.folder.iterdir()) == before, "it was removed at once"
    # The same, left behind by a process that was killed.
    left = sandbox.store.new_root("0" * 32)
    nest = NEST.replace("sys.prefix", "sys.argv[1]")
    subprocess.run([sys.executable, "-c", nest, str(left)], check=True)
    mark = left.with_name(left.name + ".owner")
    mark.write_text(mark.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194399'))
    told: list[str] = []
    assert f"unfinished environment {left}" in reap(sandbox.settings.cache_dir, told.append)
    assert told == []
    assert not left.exists()


FILL = {
    "bytes": "open(path, 'wb').write(bytes(1 << 20))",
    "files": "os.mkdir(path)",
    "shut": "os.mkdir(path); open(path + '/f', 'wb').write(bytes(1 << 20)); os.chmod(path, 0)",
    "holes": "open(path, 'wb').truncate(1 << 30)",
    "unlinked": "kept.append(open(path, 'wb', 0)); kept[-1].write(bytes(1 << 20)); os.unlink(path)",
}
FILLING = """
import os, sys, time
kept = []
try:
    for n in range({count}):
        path = f'{{sys.prefix}}/{{n}}'
        {what}
finally:
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("name", "what"),
    [*(("bubblewrap", what) for what in FILL), ("docker", "bytes"), ("docker", "files")],
)
def test_an_installation_takes_no_more_of_the_disk_than_its_part(
    name: str,
    what: str,
    prepare: Prepare,
    sandbox: BubblewrapSandbox,
    need_sandbox: Callable[[str], AnySandbox],
) -> None:
    box = need_sandbox(name)
    most = 160 * MEBIBYTE
    cache = sandbox.settings.cache_dir  # what the filling is built on is there
    small = dataclasses.replace(box.settings, environment_bytes=most, cache_dir=cache)
    fill = FILLING.format(count=10**6 if what == "files" else 900, what=FILL[what])
    files = {"fill.py": fill, "test_it.py": TEST}
    with pytest.raises(EnvironmentTooLarge, match="REPAIR_ENVIRONMENT_MEBIBYTES allows more"):
        prepare("fill", files, box=type(box)(small), install="python fill.py")


def test_one_thing_that_stays_is_told_and_stops_nothing(
    sandbox: BubblewrapSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots = [sandbox.store.new_root(str(number) * 32) for number in (1, 2)]
    for root in roots:
        mark = root.with_name(root.name + ".owner")
        mark.write_text(mark.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194399'))
    rmdir = Path.rmdir

    def refusing(self: Path) -> None:
        if self == roots[0]:
            raise PermissionError(1, "refused", str(self))
        rmdir(self)

    monkeypatch.setattr(Path, "rmdir", refusing)
    told: list[str] = []
    removed = reap(sandbox.settings.cache_dir, told.append)
    assert f"unfinished environment {roots[1]}" in removed
    assert f"unfinished environment {roots[0]}" not in removed
    assert [line for line in told if str(roots[0]) in line and "refused" in line]
    monkeypatch.undo()
    assert f"unfinished environment {roots[0]}" in reap(sandbox.settings.cache_dir)
