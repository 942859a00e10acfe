"""What the API may be pointed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from workers.errors import TargetRefused
from workers.repository import repository_name
from workers.web.targets import check_python, check_target


@pytest.mark.parametrize(
    "target",
    [
        "https://github.com/ada/ledger",
        "https://git.example.com:8443/ada/ledger.git",
        "ssh://git@git.example.com/ada/ledger",
        "git+ssh://git@git.example.com/ada/ledger",
        "git@git.example.com:ada/ledger.git",
        "https://203.0.114.9/ada/ledger",
    ],
)
def test_git_urls_over_https_and_ssh(target: str) -> None:
    assert check_target(target, ()) == target


@pytest.mark.parametrize(
    "target",
    [
        "http://github.com/ada/ledger",
        "git://github.com/ada/ledger",
        "file:///etc",
        "FILE:///etc",
        "ext::sh -c id",
        "https://",
        "https:///path",
        "https://localhost/a",
        "https://LOCALHOST./a",
        "https://127.0.0.1/a",
        "https://127.1/a",
        "https://0x7f000001/a",
        "https://2130706433/a",
        "https://[::1]/a",
        "https://[::ffff:127.0.0.1]/a",
        "https://[::ffff:169.254.169.254]/a",
        "https://169.254.169.254/latest",
        "https://10.0.0.1/a",
        "https://192.168.1.1/a",
        "https://100.64.0.1/a",
        "https://0.0.0.0/a",
        "https://token@github.com/a",
        "https://me:token@github.com/a",
        "ssh://me:secret@git.example.com/a",
        "https://host:port/a",
        "https://[bad/a",
        "git@localhost:a/b",
        "git@127.0.0.1:a/b",
        "git@host:-oProxyCommand=id",
        "--upload-pack=id",
        "-x",
        "/etc",
        ".",
        "~",
        "",
    ],
)
def test_everything_else_is_refused(target: str) -> None:
    with pytest.raises(TargetRefused):
        check_target(target, ())


def test_folders_below_a_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "project").mkdir(parents=True)
    (tmp_path / "root-not").mkdir()
    (root / "out").symlink_to(tmp_path)
    assert check_target(str(root / "project"), [root]) == str(root / "project")
    assert check_target(str(root / "project" / ".." / "project"), [root]) == str(root / "project")
    for outside in (tmp_path, tmp_path / "root-not", root / ".." / "root-not", root / "out"):
        with pytest.raises(TargetRefused):
            check_target(str(outside), [root])


@pytest.mark.parametrize("python", [None, "3.11", "3.9.1"])
def test_versions_of_python(python: str | None) -> None:
    check_python(python)


@pytest.mark.parametrize("python", ["/usr/bin/id", "python3", "", "2.7", "3.11\n", "-c"])
def test_programs_are_no_version(python: str) -> None:
    with pytest.raises(TargetRefused):
        check_python(python)


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("https://GitHub.com/ada/ledger.git", "github.com/ada/ledger"),
        ("ssh://git@github.com:22/ada/ledger/", "github.com/ada/ledger"),
        ("git@github.com:ada/ledger.git", "github.com/ada/ledger"),
        ("/srv/ledger", "/srv/ledger"),
        ("/srv/ledger/", "/srv/ledger"),
    ],
)
def test_one_name_for_all_spellings(target: str, name: str) -> None:
    assert repository_name(target) == name
