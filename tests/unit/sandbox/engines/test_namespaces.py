from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.engines.namespaces import may_make_namespaces, what_forbids


@pytest.mark.parametrize(
    ("setting", "value", "command"),
    [
        (
            "kernel/unprivileged_userns_clone",
            "0\n",
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        ("user/max_user_namespaces", "0\n", "sysctl -w user.max_user_namespaces=15000"),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
            "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ],
)
def test_a_setting_that_forbids(tmp_path: Path, setting: str, value: str, command: str) -> None:
    path = tmp_path / "proc/sys" / setting
    path.parent.mkdir(parents=True)
    path.write_text(value)
    assert command in what_forbids(tmp_path)


def test_a_container(tmp_path: Path) -> None:
    (tmp_path / ".dockerenv").touch()
    assert "--security-opt seccomp=unconfined" in what_forbids(tmp_path)


def test_nothing_that_can_be_seen(tmp_path: Path) -> None:
    assert "docs/troubleshooting.md" in what_forbids(tmp_path)


def test_a_program_that_is_refused(tmp_path: Path) -> None:
    bwrap = tmp_path / "bwrap"
    bwrap.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    assert not may_make_namespaces(str(bwrap))
