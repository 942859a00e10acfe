"""Compiled modules that stand in front of their own sources, which are what a patch edits.

mypyc, and Cython of plain Python, compile `calc/core.py` to `calc/core.*.so` beside it. Python
imports the latter, so that an edit of the former changes nothing. Most such projects work without.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, is_texts, last_line, read_json
from sandbox.snapshots.snapshot import Snapshot

# Runs in the install stage.
_SCRIPT = r"""
import json, os, shutil, subprocess, sys, tempfile
request = json.load(sys.stdin)
workspace, sources = request["workspace"], set(request["sources"])
twins = []
for folder, folders, files in os.walk(workspace):
    folders[:] = [name for name in folders if name not in ("build", ".git")]
    for name in files:
        path = os.path.relpath(os.path.join(folder, name), workspace)
        source = os.path.join(os.path.dirname(path), name.split(".")[0] + ".py")
        if name.endswith((".so", ".pyd")) and source in sources and path not in sources:
            twins.append(path)
aside = tempfile.mkdtemp()
for number, path in enumerate(twins):
    shutil.move(os.path.join(workspace, path), os.path.join(aside, str(number)))
variables = dict(os.environ, PYTHONPATH=os.pathsep.join(request["roots"]))
def imported(name):
    line, quiet = [sys.executable, "-c", "import " + name], subprocess.DEVNULL
    try:
        return not subprocess.call(line, cwd="/", env=variables, stdout=quiet, timeout=90)
    except subprocess.TimeoutExpired:
        return False
needed = not all(map(imported, request["packages"] if twins else ()))
for number, path in enumerate(twins if needed else ()):
    shutil.move(os.path.join(aside, str(number)), os.path.join(workspace, path))
print(json.dumps(["needed" if needed else "removed", *sorted(twins)[:10000]]))
"""
_SECONDS = 300.0


def remove_twins(
    session: Session,
    python: str,
    roots: Sequence[str],
    packages: Collection[str],
    snapshot: Snapshot,
) -> tuple[str, ...]:
    """Remove what an installation put in front of sources, unless a package of the project cannot
    be imported without it. Return a sentence on what was found."""
    paths = [session.workspace if root == "." else f"{session.workspace}/{root}" for root in roots]
    known = [path for path in snapshot.entries if path.endswith((".py", ".so", ".pyd"))]
    request = {
        "workspace": session.workspace,
        "roots": paths,
        "packages": list(packages),
        "sources": known,
    }
    result = session.run(
        [python, "-I", "-c", _SCRIPT], timeout_seconds=_SECONDS, stdin=json.dumps(request).encode()
    )
    try:
        words = list(read_json(last_line(result.stdout), is_texts)) if result.ok else []
    except Malformed:
        return ()
    return _sentences(words[:1] == ["needed"], words[1:])


def _sentences(is_needed: bool, twins: Sequence[str]) -> tuple[str, ...]:
    if not twins:
        return ()
    more = f" and {len(twins) - 1:,} more" if twins[1:] else ""
    found = f"compiled in front of its own source: {twins[0][:200]}{more}"
    if is_needed:
        return (
            f"{found}; it cannot be imported without, so an edit of such a source does nothing",
        )
    return (f"{found}; not used, since an edit of such a source would do nothing",)
