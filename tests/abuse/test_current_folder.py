"""`cd REPOSITORY && repair …`: what lies there runs in a sandbox, or not at all.

The repository brings a module for every name that this Python could import, programs for every
name that is started, settings of git, pip and Celery, and PATH asks to be looked up in it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import BUG, TEST
from tests.support.endings import FOUND, FOUND_CODES
from tests.support.model_extra import require_model_extra
from tests.support.services import free_port, missing

COMMAND = Path(sys.executable).with_name("repair")
PROGRAMS = (
    *("git", "docker", "bwrap", "ps", "redis-server", "sh", "python", "python3", "python3.11"),
    *("pip", "uv", "ssh", "nvidia-smi", "gcc", "cc", "ld", "ldconfig", "env", "true", "uname"),
)
GIT_CONFIG = """
[core]
    fsmonitor = {mark} fsmonitor
    hooksPath = .
    sshCommand = {mark} ssh
    pager = {mark} pager
[alias]
    status = !{mark} alias
[filter "trap"]
    clean = {mark} clean
    smudge = {mark} smudge
    process = {mark} process
[diff]
    external = {mark} diff
[include]
    path = ../more.config
"""
START_SECONDS = 300.0

Told = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything leaves a file when it runs."""
    return tmp_path_factory.mktemp("marks")


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory, marks: Path) -> Path:
    """A repository whose own files are honest, and whose ignored ones are not."""
    if shutil.which("bwrap") is None or not COMMAND.exists():
        missing("bubblewrap or the console script is not installed")
    folder = tmp_path_factory.mktemp("trap")
    (folder / "calc.py").write_text(BUG)
    (folder / "test_calc.py").write_text(TEST)
    (folder / ".gitattributes").write_text("* filter=trap diff=trap\n")
    (folder / ".gitignore").write_text("/*\n!/calc.py\n!/test_calc.py\n!/.git*\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    _plant(folder, marks)
    return folder


def _plant(folder: Path, marks: Path) -> None:
    rooms = {"agent", "cli", "sandbox", "workers", "pip", "celeryconfig", "sitecustomize", "venv"}
    for name in {*sys.stdlib_module_names, *packages_distributions(), *rooms} - {"calc"}:
        text = f"open({str(marks / 'module-')!r} + {name!r}, 'w').close()\n"
        (folder / f"{name}.py").write_text(text)
    (folder / "workers").mkdir()
    (folder / "workers" / "__init__.py").write_text(
        f"open({str(marks / 'workers')!r}, 'w').close()\n"
    )
    for name in PROGRAMS:
        _program(folder / name, f'touch "{marks}/program-{name}"')
    for name in ("post-index-change", "reference-transaction", "post-checkout", "pre-auto-gc"):
        _program(folder / name, f'touch "{marks}/hook-{name}"')
        _program(folder / ".git" / "hooks" / name, f'touch "{marks}/hook-{name}"')
    mark = folder / "mark"
    _program(mark, f'/usr/bin/touch "{marks}/git-$1"')
    with (folder / ".git" / "config").open("a") as config:
        config.write(GIT_CONFIG.format(mark=mark))
    (folder / ".env").write_text(f"REPAIR_STATE_DIR={marks / 'dotenv'}\nREPAIR_LISTEN_PORT=1\n")
    (folder / "pip.conf").write_text(f"[global]\nindex-url = file://{marks}\n")


def _program(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin; {line}\n")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def variables(trap: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("home")
    own = {
        "PATH": f".::{trap}:{os.environ['PATH']}",
        "REPAIR_CACHE_DIR": str(home / "cache"),
        "REPAIR_STATE_DIR": "../" + tmp_path_factory.mktemp("state").name,
        "REPAIR_REDIS_PORT": str(free_port()),
        "REPAIR_LISTEN_PORT": str(free_port()),
        "NO_COLOR": "1",
    }
    return {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | own


@pytest.fixture(scope="module")
def tell(trap: Path, variables: dict[str, str]) -> Told:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(COMMAND), *words],
            cwd=trap,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def repaired(tell: Told) -> str:
    """What `repair .` said."""
    done = tell(".", "--sandbox", "bubblewrap", "--json")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    return done.stdout


def test_the_traps_work(trap: Path, marks: Path) -> None:
    """Else nothing below would show anything."""
    subprocess.run([sys.executable, "-m", "pip"], cwd=trap, check=False)
    subprocess.run(["./ps"], cwd=trap, check=True)
    subprocess.run(["git", "status"], cwd=trap, check=False, capture_output=True)
    sprung = {path.name for path in marks.iterdir()}
    assert {"program-ps", "git-fsmonitor"} <= sprung
    assert any(name.startswith("module-") for name in sprung)
    for path in marks.iterdir():
        path.unlink()


def test_a_repair_runs_nothing_of_the_current_folder(
    repaired: str, tell: Told, marks: Path
) -> None:
    assert json.loads(repaired)["result"]["status"] in FOUND
    branch = tell(".", "--sandbox", "bubblewrap", "--branch", "mended")
    assert branch.returncode in FOUND_CODES, branch.stdout + branch.stderr
    assert list(marks.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("doctor",),
        ("list",),
        ("show",),
        ("localize", ".", "--sandbox", "bubblewrap"),
        ("worker", "--check"),
        ("tokens", "list"),
        ("jobs",),
        ("github", "status"),
        ("forge", "status"),
    ],
    ids=lambda words: words[0],
)
def test_a_command_runs_nothing_of_the_current_folder(
    repaired: str, tell: Told, marks: Path, words: tuple[str, ...]
) -> None:
    done = tell(*words)
    assert "Traceback" not in done.stderr
    assert list(marks.iterdir()) == []


@pytest.fixture
def service(trap: Path, variables: dict[str, str]) -> Iterator[None]:
    if shutil.which("redis-server") is None:
        missing("redis-server is not installed")
    process = subprocess.Popen([str(COMMAND), "service", "up"], cwd=trap, env=variables)
    try:
        _until_ready(f"http://127.0.0.1:{variables['REPAIR_LISTEN_PORT']}/readyz", process)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if httpx.get(url, timeout=10).is_success:
                return
        except httpx.HTTPError:
            pass
        assert process.poll() is None
        assert time.monotonic() < deadline, url
        time.sleep(0.2)


def test_the_service_runs_nothing_of_the_current_folder(
    service: None, tell: Told, marks: Path
) -> None:
    done = tell("submit", ".", "--sandbox", "bubblewrap", "--wait")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert list(marks.iterdir()) == []


def test_a_model_runs_nothing_of_the_current_folder(
    tell: Told, marks: Path, tmp_path: Path
) -> None:
    require_model_extra()
    from tests.support.tiny_model import build_tiny_model

    model = str(build_tiny_model(tmp_path / "tiny"))
    done = tell("model", "check", model, "--max-tokens", "4", "--context-window", "1024")
    assert "Traceback" not in done.stderr, done.stderr
    assert list(marks.iterdir()) == []
