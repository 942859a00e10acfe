"""Snapshots: what goes in, what stays out, and that bytes survive."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.errors import BadTarget, DiskFull
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from sandbox.snapshots.listing import TreeLimits
from sandbox.snapshots.snapshot import Snapshot, load_snapshot
from sandbox.source import decode_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "pkg").mkdir(parents=True)
    (folder / "pkg" / "a.py").write_text("a = 1\n")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o700)
    return folder


def snapshot_of(folder: Path, tmp_path: Path) -> Snapshot:
    tree = resolve(str(folder), None, tmp_path / "scratch")
    return take_snapshot(tree, tmp_path / "snapshots")


def test_the_tar_holds_the_files_and_the_same_files_give_the_same_tar(
    folder: Path, tmp_path: Path
) -> None:
    first = snapshot_of(folder, tmp_path)
    (folder / "pkg" / "a.py").touch()
    again = take_snapshot(resolve(str(folder), None, tmp_path / "s"), tmp_path / "elsewhere")
    assert first.digest == again.digest
    with tarfile.open(first.tar) as tar:
        assert tar.getnames() == ["pkg", "pkg/a.py", "run.sh"]
        assert {member.uid for member in tar} == {0}
        assert tar.getmember("run.sh").mode == 0o755
        member = tar.extractfile("pkg/a.py")
        assert member is not None
        assert member.read() == first.read("pkg/a.py") == b"a = 1\n"
    assert first.python_files() == ("pkg/a.py",)


def test_folders_of_empty_submodules_are_there_and_lead_nowhere(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "link").symlink_to("pkg")
    (folder / "away").symlink_to(tmp_path)
    tree = resolve(str(folder), None, tmp_path / "scratch")
    paths = ("data/cases", "run.sh/x", "link/x", "link", "away/x", "../up", "/etc/x", "pkg")
    snapshot = take_snapshot(replace(tree, empty_submodules=paths), tmp_path / "snapshots")
    with tarfile.open(snapshot.tar) as tar:
        folders = [member.name for member in tar if member.isdir()]
    assert folders == ["pkg", "away", "away/x", "data", "data/cases"]
    assert snapshot.entries.keys() == {"link", "pkg/a.py", "run.sh"}


def test_other_tars_read_it_too(folder: Path, tmp_path: Path) -> None:
    (folder / ("long" * 40)).mkdir()
    (folder / ("long" * 40) / "x.py").write_text("x = 1\n")
    out = tmp_path / "out"
    out.mkdir()
    snapshot = snapshot_of(folder, tmp_path)
    subprocess.run(["tar", "-C", str(out), "-xf", str(snapshot.tar)], check=True)
    for path in snapshot.entries:
        assert (out / path).read_bytes() == snapshot.read(path)


def test_names_that_are_not_utf8_or_hold_newlines(folder: Path, tmp_path: Path) -> None:
    names = [b"a b.py", b"new\nline.py", b"caf\xe9.py", "naïve.py".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x = 1\n")
    saved = load_snapshot(snapshot_of(folder, tmp_path).save())
    assert {os.fsencode(p) for p in saved.entries} >= set(names)
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["tar", "-C", str(out), "-xf", str(saved.tar)], check=True)
    found = {os.fsencode(path.name) for path in out.iterdir()}
    assert found >= set(names)


def test_links_stay_only_when_they_lead_inside(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("secret\n")
    links = {
        "good": "pkg/a.py",
        "pkg/up": "../run.sh",
        "folder": "pkg",
        "through": "folder/a.py",
        "out": "../outside.py",
        "sly": "folder/../../outside.py",
        "absolute": str(folder / "run.sh"),
        "etc": "/etc/passwd",
        "dangling": "nothing",
        "loop": "loop",
        "ping": "pong",
        "pong": "ping",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    snapshot = snapshot_of(folder, tmp_path)
    kept = {path for path, entry in snapshot.entries.items() if entry.kind == "link"}
    assert kept == {"good", "pkg/up", "folder", "through"}
    assert len(snapshot.notes) == 8
    assert "'etc' is left out: it is a link to '/etc/passwd'" in " ".join(snapshot.notes)
    with pytest.raises(FileNotFoundError):
        snapshot.read("good")


def test_a_folder_swapped_for_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    tree = resolve(str(folder), None, tmp_path / "scratch")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.py").write_text("secret\n")
    (folder / "pkg").rename(tmp_path / "gone")
    (folder / "pkg").symlink_to(secret)
    assert "pkg/a.py" not in take_snapshot(tree, tmp_path / "snapshots").entries


def test_pipes_are_left_out_and_noted(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(folder / "pipe.py")
    snapshot = snapshot_of(folder, tmp_path)
    assert "pipe.py" not in snapshot.entries
    assert snapshot.notes == ("'pipe.py' is left out: it is a pipe, a socket or a device",)


def test_no_history_reaches_the_snapshot(folder: Path, tmp_path: Path) -> None:
    words = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*words, "init", "--quiet"], check=True)
    subprocess.run([*words, "add", "."], check=True)
    subprocess.run([*words, "commit", "--quiet", "-m", "first"], check=True)
    for at in (None, "HEAD"):
        tree = resolve(str(folder), at, tmp_path / "scratch")
        snapshot = take_snapshot(tree, tmp_path / "snapshots")
        assert list(snapshot.entries) == ["pkg/a.py", "run.sh"]


def test_a_saved_snapshot_loads_and_a_damaged_one_does_not(folder: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(folder, tmp_path)
    index = snapshot.tar.with_suffix(".json")
    assert load_snapshot(index) == snapshot
    with snapshot.tar.open("r+b") as stream:
        stream.seek(600)
        stream.write(b"damage")
    with pytest.raises(ValueError, match="not the file that was saved"):
        load_snapshot(index)


def test_a_file_that_grows_meanwhile_is_bounded(folder: Path, tmp_path: Path) -> None:
    tree = resolve(str(folder), None, tmp_path / "scratch")
    (folder / "pkg" / "a.py").write_bytes(b"x" * 5000)
    with pytest.raises(BadTarget, match="grew over the size limit"):
        take_snapshot(tree, tmp_path / "snapshots", TreeLimits(total_bytes=4000))
    assert not list((tmp_path / "snapshots").iterdir())


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of one mebibyte."""
    mount = tmp_path / "small"
    mount.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_is_said_clearly(folder: Path, full_disk: Path, tmp_path: Path) -> None:
    (folder / "large.bin").write_bytes(os.urandom(2 * 1024**2))
    tree = resolve(str(folder), None, tmp_path / "scratch")
    with pytest.raises(DiskFull, match="is full"):
        take_snapshot(tree, full_disk)
    assert not list(full_disk.iterdir())


@pytest.mark.parametrize(
    ("data", "encoding", "newline"),
    [
        (b"x = 1\n", "utf-8", "\n"),
        (b"", "utf-8", "\n"),
        (b"\xef\xbb\xbfx = 'na\xc3\xafve'\r\ny = 2\r\n", "utf-8", "\r\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "iso-8859-1", "\n"),
        (b"# coding: cp1252\r\n\tx = '\x80'\r\nlone\n", "cp1252", "\r\n"),
        (
            b"#!/usr/bin/python\n# vim: set fileencoding=shift_jis :\nx = '\x83\x65'\n",
            "shift_jis",
            "\n",
        ),
        (b"old = 1\rmac = 2\r", "utf-8", "\r"),
    ],
)
def test_sources_survive_a_round_trip(data: bytes, encoding: str, newline: str) -> None:
    source = decode_source(data)
    assert (source.encoding, source.newline) == (encoding, newline)
    assert source.encode(source.text) == data


@pytest.mark.parametrize(
    "data",
    [
        b"x = '\xe9'\n",
        b"# coding: no-such-codec\n",
        b"# coding: rot13\nx = 1\n",
        b"# coding: zlib\nx = 1\n",
        b"# coding: utf-7\nx = '+2D3eAA-+-'\n",
        b"\xef\xbb\xbf# coding: latin-1\n",
    ],
)
def test_sources_that_cannot_be_written_back_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="source"):
        decode_source(data)


def test_an_edit_keeps_the_encoding_and_refuses_what_it_cannot_say() -> None:
    source = decode_source(b"# coding: latin-1\nx = '\xe9'\n")
    assert source.encode("x = 'è'") == b"x = '\xe8'"
    with pytest.raises(ValueError, match="encode"):
        source.encode("x = '€'")


def test_the_tar_reads_back_from_memory(folder: Path, tmp_path: Path) -> None:
    """The end of the tar is where every reader expects it."""
    data = snapshot_of(folder, tmp_path).tar.read_bytes()
    assert len(data) % tarfile.RECORDSIZE == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert len(tar.getmembers()) == 3
