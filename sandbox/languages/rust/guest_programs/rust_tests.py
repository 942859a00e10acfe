"""Guest program: runs the tests of a Rust project, workspace by workspace, each test in a process
of its own, and streams what happens to the host. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List

from .cargo import link_packages, read_workspace
from .workspace_run import WorkspaceRun

NOTHING_RAN = 2
"""Exit status where nothing could be built, as pytest has it: that is not a project without
tests."""


def _folder_of(path: str, top: str) -> str:
    """The nearest folder above a file with a Cargo.toml; empty for none."""
    folder = os.path.dirname(os.path.join(top, path))
    while folder.startswith(top):
        if os.path.isfile(os.path.join(folder, "Cargo.toml")):
            return folder
        folder = os.path.dirname(folder)
    return ""


def _run(request: Dict[str, Any], emit: Any) -> None:
    top, files = request["workspace"], request["files"]
    if request["ids"] is not None:
        files = sorted({test_id.partition("::")[0] for test_id in request["ids"]})
    groups: Dict[str, List[str]] = {}
    for path in files:
        groups.setdefault(_folder_of(path, top), []).append(path)
    groups.pop("", None)
    failed, seen, output = False, 0, ""
    runs: List[WorkspaceRun] = []
    for folder, paths in groups.items():
        run = next((one for one in runs if one.workspace.holds(folder)), None)
        if run is not None:
            run.add(paths)
            continue
        workspace, problem = read_workspace(folder)
        if workspace is None:
            failed, output = True, problem
            for path in paths:
                emit("collect_error", path=path, text=problem[-8000:])
        else:
            runs.append(WorkspaceRun(request, workspace, list(paths), emit))
    for run in runs:
        run.run()
        failed, seen = failed or run.failed, seen + run.seen
        output = run.output or output
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

    home = os.environ.get("CARGO_HOME", "")
    if home:
        link_packages(os.environ.get("REPAIR_PACKAGES", ""), home)
    _run(request, emit)
    os._exit(0)
