"""The line that `make` shows while it installs."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[3] / "installation" / "install.py"


@pytest.fixture(scope="module")
def install() -> ModuleType:
    spec = importlib.util.spec_from_file_location("install", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def _pip(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def test_one_line_instead_of_the_output(install: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text("a==1 \\\n    --hash=sha256:0\nb==2\n# c==3\n")
    out = Terminal()
    pip = _pip("print('Collecting a==1'); print('Collecting b==2')")
    assert install.main(["-r", str(lock)], out, pip) == 0
    shown = out.getvalue()
    assert "fetched 2 of 2" in shown
    assert "\n" not in shown[:-1]
    assert "Collecting" not in shown
    assert "installed the packages of some.lock in" in shown


def test_an_error_is_shown_whole(install: ModuleType) -> None:
    out = Terminal()
    pip = _pip(r"print('Collecting a'); print('ERROR: no a \u2192 b'); raise SystemExit(7)")
    assert install.main(["-e", "."], out, pip) == 7
    assert "could not install the command itself" in out.getvalue()
    assert "Collecting a\n" in out.getvalue()
    assert "ERROR: no a " in out.getvalue()


def test_where_nobody_watches_there_are_two_lines(install: ModuleType) -> None:
    out = io.StringIO()
    assert install.main(["-e", "."], out, _pip("print('Collecting a')")) == 0
    first, second = out.getvalue().splitlines()
    assert first == "installing the command itself ..."
    assert second.startswith("installed the command itself in ")


def test_where_nobody_watches_it_is_repeated_how_far_it_is(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "REPEAT_SECONDS", 0.0)
    lock = tmp_path / "some.lock"
    lock.write_text("a==1\nb==2\n")
    out = io.StringIO()
    assert install.main(["-r", str(lock)], out, _pip("print('Collecting a==1')")) == 0
    first, second, *_, last = out.getvalue().splitlines()
    assert first == "installing the packages of some.lock (2 packages) ..."
    assert second.startswith("installing the packages of some.lock: fetched ")
    assert last.startswith("installed the packages of some.lock in ")
    assert "\x1b" not in out.getvalue()


def test_an_error_cannot_steer_the_terminal(install: ModuleType) -> None:
    out = Terminal()
    text = r"print('a\x1b]0;title\x07\x9b2J\u202e\u00e9\tb'); raise SystemExit(1)"
    assert install.main(["-e", "."], out, ("env", "PYTHONUTF8=1", *_pip(text))) == 1
    assert "a\\x1b]0;title\\x07\\x9b2J\\u202e?\tb\n" in out.getvalue()


def test_pip_imports_nothing_of_the_current_folder(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('ran', 'w')\n")
    (tmp_path / "empty.txt").write_text("")
    monkeypatch.chdir(tmp_path)
    install.main(["-r", "empty.txt"], io.StringIO())
    assert not (tmp_path / "ran").exists()
