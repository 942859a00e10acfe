"""First code of every guest program, handed to the interpreter with `-c`.

Stage one runs isolated, so that nothing in the workspace or on PYTHONPATH can be imported; it
takes PYTHONPATH out of the environment and starts the interpreter again without `-I`, whose
flags would leak into the tests' own subprocesses. Stage two reads one line of JSON from stdin
(`sources`, `entry`, `request`), loads the guest modules from it and calls `entry.main(request)`.
The guest modules exist in memory only: there is no file the target could shadow or change.
"""

from __future__ import annotations

import sys


def restart() -> None:
    """Stage one: the same interpreter again, with PYTHONPATH set aside."""
    import os

    environment = dict(os.environ)
    # "-" tells "was not set" from "was empty": an empty entry means the current folder.
    roots = environment.pop("PYTHONPATH", "")
    environment["REPAIR_IMPORT_ROOTS"] = roots
    for name in ("PYTHONSTARTUP", "PYTHONINSPECT", "PYTEST_ADDOPTS", "PYTHONHOME"):
        environment.pop(name, None)
    os.execve(sys.executable, [sys.executable, "-c", sys.argv[1], sys.argv[1]], environment)


def read_request() -> object:
    """Read one line from stdin, unbuffered: later lines belong to the guest program."""
    import json
    import os

    pieces = []
    while True:
        piece = os.read(0, 1 << 16)
        pieces.append(piece)
        if not piece or b"\n" in piece:
            break
    line, _, unread_bytes = b"".join(pieces).partition(b"\n")
    request = json.loads(line)
    request["request"]["unread"] = unread_bytes.decode("utf-8", "surrogateescape")
    return request


def install(sources: dict[str, str]) -> None:
    """Make `_repair_guest` importable from memory."""
    import importlib.abc
    import importlib.util

    class Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, fullname, path=None, target=None):  # type: ignore[no-untyped-def]
            package, _, name = fullname.partition(".")
            if package != "_repair_guest":
                return None
            folder = not name or any(module_name.startswith(name + ".") for module_name in sources)
            if not folder and name not in sources:
                return None
            return importlib.util.spec_from_loader(fullname, self, is_package=folder)

        def create_module(self, spec):  # type: ignore[no-untyped-def]
            return None

        def get_source(self, fullname):  # type: ignore[no-untyped-def]
            return sources[fullname.partition(".")[2]]

        def exec_module(self, module):  # type: ignore[no-untyped-def]
            name = module.__name__.partition(".")[2]
            if name in sources:
                path = "<repair>/" + name.replace(".", "/") + ".py"
                code = compile(sources[name], path, "exec", dont_inherit=True)
                exec(code, module.__dict__)

    sys.meta_path.insert(0, Importer())


def main() -> None:
    if sys.flags.isolated:
        restart()
    del sys.path[:1]  # the empty string of `-c`: the current folder
    del sys.argv[1:]
    program = read_request()
    assert isinstance(program, dict)
    install(program["sources"])
    import importlib

    importlib.import_module("_repair_guest." + program["entry"]).main(program["request"])


main()
