"""Compiled modules of an installation: put beside their sources, and which are missing."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, is_texts, last_line, read_json
from sandbox.languages.python.detection.packaging.extensions import Extensions

# Runs in the install stage. A wheel holds what its build compiled; the tests import from the
# workspace, where the package lies without it.
_PLACE_SCRIPT = r"""
import json, os, shutil, sys
from importlib import metadata
request = json.load(sys.stdin)
workspace, compiled = request["workspace"], []
for distribution in metadata.distributions():
    if workspace not in (distribution.read_text("direct_url.json") or ""):
        continue
    for file in distribution.files or ():
        source = str(distribution.locate_file(file))
        if not os.path.isfile(source) or ".." in file.parts or len(file.parts) < 2:
            compiled += [str(file)] if source.endswith((".so", ".pyd")) else []
            continue
        compiled += [str(file)] if source.endswith((".so", ".pyd")) else []
        for root in request["roots"]:
            place = os.path.join(workspace, root, *file.parts)
            if os.path.isdir(os.path.join(workspace, root, file.parts[0])):
                if not os.path.lexists(place):
                    os.makedirs(os.path.dirname(place), exist_ok=True)
                    shutil.copyfile(source, place)
                break
for folder, folders, files in os.walk(workspace):
    folders[:] = [name for name in folders if name not in ("build", ".git")]
    inside = os.path.relpath(folder, workspace)
    compiled += [os.path.join(inside, name) for name in files if name.endswith((".so", ".pyd"))]
print(json.dumps(compiled[:10000]))
"""
_SECONDS = 300.0


def place_modules(session: Session, python: str, roots: Sequence[str]) -> list[str]:
    """Copy what the project's wheel holds and its sources lack beside them, in the workspace.

    Return the compiled modules there are, as paths.
    """
    request = {"workspace": session.workspace, "roots": list(roots)}
    result = session.run(
        [python, "-I", "-c", _PLACE_SCRIPT],
        timeout_seconds=_SECONDS,
        stdin=json.dumps(request).encode(),
    )
    try:
        return list(read_json(last_line(result.stdout), is_texts)) if result.ok else []
    except Malformed:
        return []


def imports_them(
    session: Session, python: str, roots: Sequence[str], names: Collection[str]
) -> bool:
    """Whether a package of the project asks for a module of its own that is not there, which no
    edit of its sources can mend."""
    paths = [session.workspace if root == "." else f"{session.workspace}/{root}" for root in roots]
    for name in names:
        result = session.run(
            [python, "-c", f"import {name}"],
            timeout_seconds=_SECONDS,
            env={"PYTHONPATH": ":".join(paths)},
            cwd="/",
        )
        match = re.search(
            r"No module named '([\w.]+)'|cannot import name '\w+' from [^\n]*?'([\w.]+)'",
            result.stderr,
        )
        if match and (match[1] or match[2]).split(".")[0] == name:
            return True
    return False


def not_built(extensions: Extensions, compiled: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on declared compiled modules that are not there; none when all are."""
    stems = {re.split(r"\.", path.rpartition("/")[2])[0] for path in compiled}
    missing_names = [name for name in extensions.modules if name.rpartition(".")[2] not in stems]
    if missing_names:
        names = ", ".join(missing_names[:5]) + (
            f" and {len(missing_names) - 5} more" if missing_names[5:] else ""
        )
        return (f"declared and not built: the compiled module {names} ({extensions.tool})",)
    if not extensions.modules and not compiled:
        return (f"no compiled module was built, which {extensions.tool} is declared for",)
    return ()
