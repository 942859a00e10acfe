"""`--output` and `--sarif`: nothing is written through a link that a repository shipped."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.delivery.deliver import save
from cli.delivery.output_file import write_output
from cli.delivery.sarif import write_sarif
from cli.errors import BadInput
from cli.options.arguments import check_output
from cli.options.request import DeliveryOptions
from tests.support.cli_records import make_result


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """A repository with a link to a file and one to a folder, both of the user."""
    home, target = tmp_path / "home", tmp_path / "target"
    home.mkdir()
    target.mkdir()
    (home / "keys").write_text("mine")
    (target / "fix.diff").symlink_to(home / "keys")
    (target / "out").symlink_to(home)
    (target / ".git" / "objects").mkdir(parents=True)
    (target / ".git" / "refs").mkdir()
    (target / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return target


def test_a_link_in_the_place_of_the_file(target: Path, tmp_path: Path) -> None:
    patch = tmp_path / "patch.diff"
    patch.write_text("the patch")
    place = target / "fix.diff"
    with pytest.raises(BadInput, match="symbolic link"):
        check_output(place)
    with pytest.raises(BadInput, match=r"--output .*symbolic link"):
        save(make_result(), patch, DeliveryOptions(output=place), str(target))
    with pytest.raises(BadInput, match=r"--sarif .*symbolic link"):
        write_sarif(place, make_result(), str(target))
    with pytest.raises(BadInput, match="symbolic link"):
        write_output(place, b"x", "--output")  # wherever it lies
    assert (tmp_path / "home" / "keys").read_text() == "mine"


@pytest.mark.parametrize("place", ["out/keys", "out/new", "sub/../out/keys"])
def test_a_link_on_the_way_to_the_file(place: str, target: Path, tmp_path: Path) -> None:
    (target / "sub").mkdir()
    with pytest.raises(BadInput, match="symbolic link"):
        write_output(target / place, b"x", "--output", str(target))
    (tmp_path / "to target").symlink_to(target)
    with pytest.raises(BadInput, match="symbolic link"):
        write_output(tmp_path / "to target" / place, b"x", "--output", str(target / "sub"))
    assert [entry.name for entry in (tmp_path / "home").iterdir()] == ["keys"]
    assert (tmp_path / "home" / "keys").read_text() == "mine"


def test_links_of_the_user_lead_where_they_lead(target: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    write_output(tmp_path / "link" / "keys", b"new", "--output", str(target))
    assert (tmp_path / "home" / "keys").read_text() == "new"
    (tmp_path / "to target").symlink_to(target)
    write_output(tmp_path / "to target" / "x.diff", b"new", "--output", str(target))
    assert (target / "x.diff").read_text() == "new"


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "x.diff"
    place.write_text("old")
    place.chmod(0o4640)
    other = tmp_path / "other"
    os.link(place, other)
    assert write_output(place, b"new", "--output") == place
    assert (place.read_text(), other.read_text()) == ("new", "old")
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert {entry.name for entry in tmp_path.iterdir()} == {"x.diff", "other"}


def test_what_is_no_file_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="no file"):
        check_output(tmp_path / "pipe")
    with pytest.raises(BadInput, match="no regular file"):
        write_output(tmp_path / "pipe", b"x", "--output")
