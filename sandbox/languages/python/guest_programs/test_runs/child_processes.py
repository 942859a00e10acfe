"""Lines that run in Python programs which a test starts: each writes its own down at its end.

They find the tracer through `PYTHONPATH`, as coverage.py's own instructions for subprocesses do
(https://coverage.readthedocs.io/en/latest/subprocess.html); a program that is killed, or started
without the environment, is not seen. Python 3.8+.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from typing import Any, List

from . import line_tracing
from .line_tracing import LinesByPath

SITECUSTOMIZE_SOURCE = """
import atexit, json, os, sys, tempfile

FOLDER = os.path.dirname(os.path.abspath(__file__))
SOURCES, EXCLUDED = json.load(open(os.path.join(FOLDER, "which.json")))


def below(name, roots):
    return any(name == root or name.startswith(root + "/") for root in roots)


def begin():
    sys.path[:] = [entry for entry in sys.path if entry != FOLDER]
    space = {"__name__": "repair_lines"}
    with open(os.path.join(FOLDER, "lines.txt")) as file:
        name = "<repair>/test_runs/line_tracing.py"
        exec(compile(file.read(), name, "exec", dont_inherit=True), space)
    tracer = space["start_tracer"](lambda name: below(name, SOURCES) and not below(name, EXCLUDED))

    def end():
        found = {name: sorted(numbers) for name, numbers in tracer.take().items()}
        number, path = tempfile.mkstemp(".part", dir=os.path.join(FOLDER, "found"))
        with open(number, "w") as file:
            json.dump(found, file)
        os.rename(path, path[:-5] + ".json")

    atexit.register(end)


try:
    begin()
except Exception:  # another Python, or a folder that is gone: the program comes first
    pass
sys.modules.pop("sitecustomize", None)
try:
    import sitecustomize  # the environment's own, which this one hid
except ImportError:
    pass
"""


class Children:
    """Makes the programs that are started from now on report."""

    def __init__(self, sources: List[str], excluded: List[str]) -> None:
        """Both are absolute paths of files or folders."""
        self._folder = os.path.realpath(tempfile.mkdtemp(prefix="repair-lines-"))
        self._found = os.path.join(self._folder, "found")
        os.mkdir(self._found)
        loader: Any = line_tracing.__spec__.loader if line_tracing.__spec__ else None
        self._write("lines.txt", loader.get_source(line_tracing.__name__))
        self._write("which.json", json.dumps([sources, excluded]))
        self._write("sitecustomize.py", SITECUSTOMIZE_SOURCE)
        python_path = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = self._folder + (os.pathsep + python_path if python_path else "")

    def _write(self, name: str, text: str) -> None:
        with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def take(self) -> LinesByPath:
        """What the programs that ended since the last question ran."""
        lines_by_path: LinesByPath = {}
        for entry in os.listdir(self._found):
            path = os.path.join(self._found, entry)
            if not entry.endswith(".json"):
                continue
            with open(path, encoding="utf-8") as file:
                for name, numbers in json.load(file).items():
                    lines_by_path.setdefault(name, set()).update(numbers)
            os.remove(path)
        return lines_by_path

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
