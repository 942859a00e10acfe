"""Files that an installation adds to the project's own folder, for every later session.

A compiled extension or a generated `_version.py` is not in the snapshot, and the workspace of
a session is unpacked from a tar. What the install stage added is packed beside the
environment, and merged into a tar of its own for this snapshot.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from sandbox.base import MEBIBYTE, Session
from sandbox.snapshots.snapshot import Snapshot
from sandbox.snapshots.tarball import TarWriter, parents

ARCHIVE_NAME = "repair-products.tar"
_MAX_PRODUCT_BYTES = 256 * MEBIBYTE

# Runs in the install stage. Packaging metadata lies in the environment as well, and folders
# named build hold intermediate results.
_PACK_SCRIPT = r"""
import os, sys, tarfile
known = set(sys.stdin.buffer.read().split(b"\0"))
usual = {b"build", b".eggs", b"__pycache__", b".git", b".mypy_cache", b".pytest_cache"}
skipped = set(map(os.fsencode, sys.argv[2:])) or usual
found = []
for folder, folders, files in os.walk(b"."):
    metadata = [f for f in folders if f.endswith((b".egg-info", b".dist-info"))]
    folders[:] = [f for f in folders if f not in skipped and f not in metadata]
    for name in files:
        path = os.path.join(folder, name)[2:]
        if path not in known and not name.endswith((b".o", b".pyc")) and not os.path.islink(path):
            found.append(path)
if found:
    with tarfile.open(sys.argv[1], "w", format=tarfile.GNU_FORMAT) as tar:
        for path in sorted(found):
            tar.add(os.fsdecode(path), recursive=False)
print(len(found))
"""


def pack_products(
    session: Session,
    python: str,
    prefix: str,
    snapshot: Snapshot,
    *,
    skipped: Collection[str] = (),
) -> int:
    """Pack what the installation added into the environment; return how many files. Folders named
    in `skipped` are left out, instead of those in which Python's tools leave something behind."""
    known_paths = b"\0".join(path.encode("utf-8", "surrogateescape") for path in snapshot.entries)
    command = [python, "-I", "-c", _PACK_SCRIPT, f"{prefix}/{ARCHIVE_NAME}", *skipped]
    result = session.run(command, timeout_seconds=300, stdin=known_paths)
    tokens = result.stdout.split()
    return int(tokens[-1]) if result.ok and tokens and tokens[-1].isdigit() else 0


def merge_products(
    products: bytes,
    snapshot: Snapshot,
    destination: Path,
    *,
    links: Mapping[str, str] | None = None,
) -> Path:
    """Write the snapshot's files and the products into one tar and return its path, with symbolic
    links of ours, path → where they lead.

    The products were written by untrusted code: only regular files that take no place of the
    snapshot's go in.
    """
    with tempfile.NamedTemporaryFile(dir=destination.parent, delete=False) as stream:
        partial = Path(stream.name)
        try:
            writer = TarWriter(stream)  # type: ignore[arg-type]
            for path, entry in snapshot.entries.items():
                if entry.kind == "link":
                    writer.add_link(path, entry.target)
                else:
                    executable = bool(entry.mode & 0o111)
                    writer.add_file(path, snapshot.read(path), executable=executable)
            for path, target in (links or {}).items():
                writer.add_link(path, target)
            _add_products(products, snapshot, writer)
            writer.finish()
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    return partial.replace(destination)


def _add_products(products: bytes, snapshot: Snapshot, writer: TarWriter) -> None:
    folders = {parent for path in snapshot.entries for parent in parents(path)}
    spare_bytes = _MAX_PRODUCT_BYTES
    try:
        # Neither compressed nor sparse: a small file would stand for more than a disk holds.
        with tarfile.open(fileobj=io.BytesIO(products), mode="r:", encoding="utf-8") as tar:
            for member in tar:
                if member.size < 0 or tar.offset <= member.offset:
                    return  # the next header would be this one, or one before it, for ever
                fits = member.isreg() and not member.issparse() and member.size <= spare_bytes
                fits = fits and member.name not in folders
                spare_bytes -= member.size if fits else 0
                if fits and _is_new(member.name, writer):
                    content = tar.extractfile(member)
                    assert content is not None
                    executable = bool(member.mode & 0o111)
                    writer.add_file(member.name, content.read(), executable=executable)
    except (tarfile.TarError, ValueError, OverflowError):  # of numbers that are none, or too large
        return


def _is_new(path: str, writer: TarWriter) -> bool:
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or pure.as_posix() != path
        or path in writer.entries
    ):
        return False
    return not any(parent in writer.entries for parent in parents(path))


def read_products(session: Session, prefix: str) -> bytes:
    """Return the packed products of an environment; `b""` when there are none."""
    try:
        return session.read(f"{prefix}/{ARCHIVE_NAME}", max_bytes=_MAX_PRODUCT_BYTES)
    except (FileNotFoundError, ValueError):
        return b""


def products_in(source: Path, snapshot: Snapshot) -> Mapping[str, str]:
    """Return what the installation added, path → SHA-256 in hex (`link TARGET` for a symbolic
    link), of the tar that sessions start from; nothing where that is the snapshot's own.
    """
    if source == snapshot.tar:
        return {}
    with tarfile.open(source, "r:", encoding="utf-8", errors="surrogateescape") as tar:
        return {
            member.name: _digest(tar, member)
            for member in tar
            if member.name not in snapshot.entries and (member.isreg() or member.issym())
        }


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        return f"link {member.linkname}"
    return hashlib.sha256(content.read()).hexdigest()
