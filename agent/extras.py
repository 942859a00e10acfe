"""How an optional part of this installation is added, as a command that works on this machine."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "repair-agent"


def how_to_add(extra: str) -> str:
    """The command that adds an extra to this installation, from where it was installed from."""
    try:
        return shlex.join([*_installer(), *_source(distribution(DISTRIBUTION), extra)])
    except PackageNotFoundError:  # run from its source, without an installation
        return f"pip install -e '.[{extra}]' in the folder of repair's source"


def _installer() -> list[str]:
    """What installed this environment, and will change it."""
    if (Path(sys.prefix) / "uv-receipt.toml").exists():
        return ["uv", "tool", "install", "--force"]
    if (Path(sys.prefix) / "pipx_metadata.json").exists():
        return ["pipx", "install", "--force"]
    if find_spec("pip") is None:
        return ["uv", "pip", "install", "--python", sys.executable]
    # Isolated: it is likely to be pasted in the folder of a repository that brings a pip.py.
    return [sys.executable, "-I", "-m", "pip", "install"]


def _source(installed: Distribution, extra: str) -> list[str]:
    """The requirement, by PEP 610's record of where the installation came from."""
    origin: dict[str, object] = {}
    with suppress(ValueError):
        origin = json.loads(installed.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if not url:
        return [f"{DISTRIBUTION}[{extra}]"]
    vcs, folder = origin.get("vcs_info"), origin.get("dir_info")
    if isinstance(vcs, dict):
        return [f"{DISTRIBUTION}[{extra}] @ {vcs.get('vcs')}+{url}@{vcs.get('commit_id')}"]
    if not isinstance(folder, dict):
        return [f"{DISTRIBUTION}[{extra}] @ {url}"]
    place = f"{Path(unquote(urlsplit(url).path))}[{extra}]"
    return ["-e", place] if folder.get("editable") else [place]
