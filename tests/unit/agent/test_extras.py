from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import extras


class Installed:
    """A distribution with a record of where it came from."""

    def __init__(self, origin: dict[str, Any] | None) -> None:
        self._origin = origin

    def read_text(self, name: str) -> str | None:
        return None if self._origin is None else json.dumps(self._origin)


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (
            {"url": "file:///src/my%20repair", "dir_info": {"editable": True}},
            "-e '/src/my repair[service]'",
        ),
        ({"url": "file:///src/repair", "dir_info": {}}, "'/src/repair[service]'"),
        (
            {"url": "file:///w/repair_agent-1.whl", "archive_info": {}},
            "'repair-agent[service] @ file:///w/repair_agent-1.whl'",
        ),
        (
            {"url": "https://example.org/r", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "'repair-agent[service] @ git+https://example.org/r@ab12'",
        ),
        (None, "'repair-agent[service]'"),
    ],
)
def test_an_extra_comes_from_where_the_installation_came_from(
    origin: dict[str, Any] | None, requirement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _name: Installed(origin))
    command = extras.how_to_add("service")
    assert command.endswith(f" install {requirement}")
    assert command.startswith(sys.executable)


@pytest.mark.parametrize(
    ("record", "begin"),
    [
        ("uv-receipt.toml", "uv tool install --force "),
        ("pipx_metadata.json", "pipx install --force "),
    ],
)
def test_what_installed_it_changes_it(
    record: str, begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _name: Installed(None))
    (tmp_path / record).touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert extras.how_to_add("model").startswith(begin)


def test_pip_is_asked_in_whatever_folder_the_hint_is_pasted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _name: Installed(None))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(extras, "find_spec", lambda _name: object())
    assert extras.how_to_add("model").startswith(f"{sys.executable} -I -m pip install ")
