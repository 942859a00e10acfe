"""Projects of unusual packaging, repaired by the command as its users run it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import BUG, TEST, Project, Repair
from tests.support.endings import FOUND_WORDS

PYPROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "calc"
version = "1"
"""
BACKEND = """# As pdm-backend does: an editable installation leaves files in the project.
import os, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    os.makedirs(".pdm-build", exist_ok=True)
    with open(".pdm-build/calc.pth", "w") as stream:
        stream.write(os.getcwd())
    with open("generated.py", "w") as stream:
        stream.write("version = '1'\\n")
    name, information = "calc-1-py3-none-any.whl", "calc-1.dist-info/"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.write(".pdm-build/calc.pth", "calc.pth")
        metadata = "Metadata-Version: 2.1\\nName: calc\\nVersion: 1\\n"
        wheel.writestr(information + "METADATA", metadata)
        tag = "Root-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(information + "WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\n" + tag)
        wheel.writestr(information + "RECORD", "")
    return name

build_wheel = build_editable
"""


@pytest.mark.slow
def test_what_the_installation_made_speaks_against_no_patch(
    run_repair: Repair, project: Project, tmp_path: Path
) -> None:
    folder = project(
        {
            "pyproject.toml": PYPROJECT,
            "backend.py": BACKEND,
            "calc.py": BUG,
            "test_calc.py": "import generated\n" + TEST,
        }
    )
    done = run_repair(folder, "--sandbox", "bubblewrap", "--python", sys.executable)
    assert any(words in done.stdout for words in FOUND_WORDS), done.stdout + done.stderr
    assert "+        result += item" in done.stdout
