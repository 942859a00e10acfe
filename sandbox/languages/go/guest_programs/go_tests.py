"""Guest program: runs the tests of a Go project, package by package, and streams what happens to
the host. A test that ends its process costs itself alone. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import os
import posixpath
from typing import Any, Dict, List

from .go_process import link_compiled
from .package_run import PackageRun

NOTHING_RAN = 2
"""Exit status where nothing could be built, as pytest has it: that is not a project without
tests."""


def _packages(request: Dict[str, Any]) -> Dict[str, List[str]]:
    """Folder → its test files, of the tests that are asked for."""
    files = request["files"]
    if request["ids"] is not None:
        asked = {test_id.partition("::")[0] for test_id in request["ids"]}
        files = sorted(asked)
    packages: Dict[str, List[str]] = {}
    for path in files:
        packages.setdefault(posixpath.dirname(path), []).append(path)
    return packages


def _run(request: Dict[str, Any], emit: Any) -> None:
    failed, seen, output = False, 0, ""
    packages = list(_packages(request).items())
    if request["skip"]:  # this program was started again, in the package of the last result
        last = posixpath.dirname(request["skip"][-1].partition("::")[0])
        folders = [folder for folder, _ in packages]
        packages = packages[folders.index(last) if last in folders else 0 :]
    for folder, files in packages:
        package = PackageRun(request, folder, files, emit)
        package.run()
        failed, seen = failed or package.failed, seen + package.seen
        output = package.output
    status = NOTHING_RAN if failed and not seen else int(failed)
    emit("finished", status=status, output=output)


def main(request: Dict[str, Any]) -> None:
    nonce = request["nonce"].encode()
    request["workspace"] = os.path.realpath(request["workspace"])
    out = os.dup(1)
    os.set_inheritable(out, False)

    def emit(kind: str, **data: Any) -> None:
        data["event"] = kind
        line = nonce + b" " + json.dumps(data).encode("ascii") + b"\n"
        while line:
            line = line[os.write(out, line) :]

    cache = os.environ.get("GOCACHE", "")
    if cache:
        link_compiled(os.environ.get("REPAIR_COMPILED", ""), cache)
    _run(request, emit)
    os._exit(0)
