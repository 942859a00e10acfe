"""The QuixBugs programs as small projects: one buggy program, its tests, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.suites.projects.quixbugs.inputs import GENERATORS

NAMES = tuple(sorted(GENERATORS))


@dataclass(frozen=True)
class Case:
    """One program of a QuixBugs checkout."""

    checkout: Path
    name: str

    @property
    def program(self) -> str:
        """Path of the program inside the project, relative."""
        return f"python_programs/{self.name}.py"

    @property
    def correct(self) -> Path:
        return self.checkout / "correct_python_programs" / f"{self.name}.py"

    @property
    def testcases(self) -> Path | None:
        """The JSON lines that the tests read; None for the graph programs."""
        path = self.checkout / "json_testcases" / f"{self.name}.json"
        return path if path.exists() else None

    def export(self, folder: Path) -> Path:
        """Write the project into a new `folder`; its files are those of the checkout, unchanged."""
        shutil.rmtree(folder, ignore_errors=True)
        for relative in self._files():
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.checkout / relative, target)
        return folder

    def _files(self) -> list[str]:
        test = f"python_testcases/test_{self.name}.py"
        text = (self.checkout / test).read_text(encoding="utf-8")
        files = ["conftest.py", self.program, test]
        if "load_testdata" in text:
            files += ["python_testcases/load_testdata.py", f"json_testcases/{self.name}.json"]
        if "from node import" in text:
            files.append("python_testcases/node.py")
        return files
