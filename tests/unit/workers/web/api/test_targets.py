"""What the API may be pointed at."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.git.remote import Reach
from workers.errors import TargetRefused
from workers.repository_name import repository_name
from workers.web.api.targets import check_python, check_target


@pytest.mark.parametrize(
    "target",
    [
        "https://github.com/ada/ledger",
        "https://git.example.com:8443/ada/ledger.git",
        "ssh://git@git.example.com/ada/ledger",
        "git@git.example.com:ada/ledger.git",
        "https://203.0.114.9/ada/ledger",
    ],
)
def test_git_urls_over_https_and_ssh(target: str) -> None:
    assert check_target(target, ()) == (target, Reach.PUBLIC)


@pytest.mark.parametrize(
    ("target", "passed_on"),
    [
        ("HTTPS://Git.Example.COM:443/ada/Ledger", "https://git.example.com/ada/Ledger"),
        ("https://git.example.com./ada/ledger", "https://git.example.com/ada/ledger"),
        ("git+ssh://git@git.example.com:22/ada", "ssh://git@git.example.com/ada"),
        ("https://[2606:4700:0:0::6810:1]/ada/ledger", "https://[2606:4700::6810:1]/ada/ledger"),
    ],
)
def test_what_was_parsed_is_passed_on(target: str, passed_on: str) -> None:
    assert check_target(target, ()) == (passed_on, Reach.PUBLIC)


@pytest.mark.parametrize("host", ["git.corp", "git.internal", "10.1.2.3", "fd00::7"])
def test_hosts_inside_that_the_operator_names(host: str) -> None:
    url = f"https://[{host}]/a/b" if ":" in host else f"https://{host}/a/b"
    assert check_target(url, (), {host}) == (url, Reach.NAMED)
    with pytest.raises(TargetRefused):
        check_target(url.replace(host, "10.9.9.9").replace("[", "").replace("]", ""), (), {host})


def test_folders_below_a_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "project").mkdir(parents=True)
    (tmp_path / "root-not").mkdir()
    (root / "out").symlink_to(tmp_path)
    for way in (root / "project", root / "project" / ".." / "project"):
        assert check_target(str(way), [root])[0] == str(root / "project")
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
        ("https://github.com/ada/Ledger.git/", "github.com/ada/ledger"),
        ("https://github.com./Ada//ledger/.", "github.com/ada/ledger"),
        ("https://github.com:443/ada/%6cedger.git.git", "github.com/ada/ledger"),
        ("https://ada@github.com/ada/x/../ledger?a=b#c", "github.com/ada/ledger"),
        ("GIT@GitHub.com:Ada/Ledger/", "github.com/ada/ledger"),
        ("/srv//x/../ledger/.", "/srv/ledger"),
        ("/srv/ledger", "/srv/ledger"),
        ("/srv/ledger/", "/srv/ledger"),
    ],
)
def test_one_name_for_all_spellings(target: str, name: str) -> None:
    assert repository_name(target) == name
