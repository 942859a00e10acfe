"""What the suites about sandboxes share."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.base import MEBIBYTE, Environment, Limits
from sandbox.session.session import GuestSession

SMALL = Limits(memory_bytes=512 * MEBIBYTE, processes=96, cpus=2.0, workspace_bytes=64 * MEBIBYTE)

Pack = Callable[[Mapping[str, bytes]], Path]


def pack_tar(path: Path, files: Mapping[str, bytes]) -> Path:
    """Write a tar file with these regular files; the names may hold surrogates."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def python(session: GuestSession, bare: Environment, code: str, seconds: float = 20.0) -> str:
    """Run code that must succeed and return what it printed."""
    done = session.run([bare.python, "-I", "-S", "-c", code], timeout_seconds=seconds)
    assert done.ok, done
    return done.stdout.strip()


def count_of(session: GuestSession, words: str) -> int:
    """Count the processes whose command line holds `words`, seen from inside."""
    script = (
        "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null; echo; done | "
        f"grep -F '{words}' | grep -v -F grep -c || true"
    )
    return int(session.run(["sh", "-c", script], timeout_seconds=20).stdout)
