"""Plugins of pytest that an old project asks for and that break the pytest of today."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.base import Session
from sandbox.host.untrusted_json import Malformed, is_texts, last_line, read_json

# Exit code 5 is "no tests collected": pytest itself came up.
_PROBE = r"""
import json, os, subprocess, sys, tempfile
from importlib import metadata
empty = tempfile.mkdtemp()
def works(*options, **variables):
    line = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", empty, "--collect-only"]
    done = subprocess.run(line + ["-p", "no:cacheprovider"] + list(options) + [empty], cwd=empty,
        env=dict(os.environ, **variables), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode in (0, 5)
broken = []
if not works():
    for distribution in metadata.distributions():
        names = [each.name for each in distribution.entry_points if each.group == "pytest11"]
        if any(not works("-p", name, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1") for name in names):
            broken.append(distribution.metadata["Name"])
print(json.dumps(broken))
"""


def remove_broken_plugins(
    session: Session, python: str, pip: list[str], say: Callable[[str], None]
) -> None:
    """Uninstall the plugins without which pytest starts and with which it does not."""
    result = session.run([python, "-I", "-c", _PROBE], timeout_seconds=300, cwd="/")
    try:
        plugins = read_json(last_line(result.stdout), is_texts) if result.ok else []
    except Malformed:
        return
    for name in plugins:
        say(f"{name} does not work with this pytest and is removed")
        session.run([*pip, "uninstall", "--yes", name], timeout_seconds=300, cwd="/")
