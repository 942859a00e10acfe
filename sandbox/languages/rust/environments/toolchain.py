"""Which Rust a sandbox has, or can be given from this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sandbox.base import Session
from sandbox.errors import ToolchainNotFound
from sandbox.host import programs
from sandbox.languages.rust.detection.manifests import Version, version_of

OLDEST_RUST: Version = (1, 75, 0)
"""Its Cargo builds what it can beside what fails, and its tests tell which file they are in."""
_PROBE_SECONDS = 60.0
MAX_CANDIDATES = 8
_SCRIPT = """
for rustc in "$(command -v rustc)" "$@"; do
    root=$("$rustc" --print sysroot 2>/dev/null) && version=$("$rustc" --version 2>/dev/null) \
        && [ -x "$root/bin/cargo" ] || continue
    printf '%s\\t%s\\n' "$root" "$version"
done
command -v cc >/dev/null && printf 'cc\\n'
exit 0
"""
_ANSWER = re.compile(r"(/[^\t\n]+)\trustc (\S+)(?: .*)?")


@dataclass(frozen=True, kw_only=True)
class RustInstallation:
    """A Rust, with the folder that it lies in."""

    root: str
    """What rustc calls its sysroot."""
    version: Version
    is_nightly: bool = False

    @property
    def told(self) -> str:
        return f"Rust {told(self.version)}{' (nightly)' if self.is_nightly else ''}"


@dataclass(frozen=True, kw_only=True)
class FoundRust:
    """What a session has."""

    installations: tuple[RustInstallation, ...] = ()
    links: bool = False
    """There is a C compiler, by which Rust links programs."""


def told(version: Version) -> str:
    return ".".join(map(str, version))


def find_rust(session: Session, folders: Sequence[str] = ()) -> FoundRust:
    """The Rusts that run in a session: on its PATH, and in `folders`."""
    argv = [f"{folder}/bin/rustc" for folder in folders]
    result = session.run(["sh", "-c", _SCRIPT, "sh", *argv], timeout_seconds=_PROBE_SECONDS)
    lines = result.stdout.splitlines()
    candidates = {}
    for match in map(_ANSWER.fullmatch, lines):
        version = version_of(match[2]) if match else None
        if match and version:
            candidates[match[1]] = RustInstallation(
                root=match[1], version=version, is_nightly="nightly" in match[2]
            )
    return FoundRust(installations=tuple(candidates.values()), links="cc" in lines)


def rust_of_this_machine() -> tuple[str, ...]:
    """The folders of this machine's Rusts, by their files: none of them is run here."""
    roots = (folder.resolve() for folder in _host_folders())
    found = dict.fromkeys(str(root) for root in roots if _is_whole(root))
    return tuple(islice((root for root in found if root != "/usr"), MAX_CANDIDATES))


def _host_folders() -> Iterator[Path]:
    """Where rustup puts toolchains, stable ones first; the program on PATH is often only its own,
    which chooses among them."""
    homes = [Path.home() / ".rustup", Path("/usr/local/rustup"), Path("/opt/rustup")]
    path = programs.program("rustc")
    if path is not None:
        yield Path(path).resolve().parent.parent
    for home in homes:
        try:
            folders = sorted((home / "toolchains").iterdir(), reverse=True)
        except OSError:
            continue
        yield from sorted(folders, key=lambda folder: not folder.name.startswith("stable"))
    yield from map(Path, ("/usr/local", "/opt/rust"))


def _is_whole(folder: Path) -> bool:
    try:
        programs_there = all((folder / "bin" / name).is_file() for name in ("cargo", "rustc"))
        return programs_there and (folder / "lib/rustlib").is_dir()
    except OSError:
        return False


def best(
    found: Sequence[RustInstallation], wanted: Version | None, channel: str
) -> RustInstallation | None:
    """The newest that is new enough, a stable one where not a nightly one is asked for."""
    oldest = max(OLDEST_RUST, wanted or OLDEST_RUST)
    needs_nightly = channel.startswith("nightly")
    fits = [r for r in found if r.version >= oldest and r.is_nightly == needs_nightly]
    return max(fits, key=lambda rust: rust.version, default=None)


def missing(
    sandbox: str, found: Sequence[RustInstallation], wanted: Version | None, channel: str
) -> ToolchainNotFound:
    """The error where no Rust is to be had, or none that fits."""
    oldest = max(OLDEST_RUST, wanted or OLDEST_RUST)
    is_nightly = channel.startswith("nightly")
    needs = "a nightly Rust" if is_nightly else f"Rust {told(oldest)} or newer"
    reason = "its tests are run by it"
    if is_nightly:
        reason = "rust-toolchain asks for it"
    elif wanted and wanted > OLDEST_RUST:
        reason = "Cargo.toml or rust-toolchain asks for it"
    has = f"there is only {_all_told(found)}" if found else "there is none"
    how = f"`rustup toolchain install {'nightly' if is_nightly else 'stable'}` (https://rustup.rs)"
    also = (
        ", or name a Docker image that has Rust, cc and Python 3 with REPAIR_DOCKER_IMAGE"
        if sandbox == "docker"
        else ""
    )
    return ToolchainNotFound(
        f"the project needs {needs} ({reason}), and {has}: install one by {how}{also}"
    )


def out_of_reach(folders: Sequence[str]) -> ToolchainNotFound:
    """The error where the Rust of this machine runs nowhere in the sandbox."""
    return ToolchainNotFound(
        f"the Rust of this machine ({folders[0]}) does not run in the sandbox: the user there may "
        "not enter that folder, as with one below /root. Install Rust where everybody may "
        "(RUSTUP_HOME=/usr/local/rustup), or name a Docker image that has it with "
        "REPAIR_DOCKER_IMAGE"
    )


def _all_told(found: Sequence[RustInstallation]) -> str:
    return " and ".join(dict.fromkeys(rust.told for rust in found))


def no_linker(sandbox: str) -> ToolchainNotFound:
    """The error where nothing links what Rust compiles."""
    where = (
        "name a Docker image that has it with REPAIR_DOCKER_IMAGE"
        if sandbox == "docker"
        else "install gcc and the headers of the C library"
    )
    return ToolchainNotFound(f"Rust links programs by `cc`, and the sandbox has none: {where}")
