"""Which program installs the packages of a Node project: that whose lock file it keeps."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.languages.javascript.detection.package_file import PACKAGE_FILE, PackageFiles

PNPM_LOCK, YARN_LOCK = "pnpm-lock.yaml", "yarn.lock"
_PINNED = re.compile(r"(pnpm|yarn)@(\d{1,4}\.\d{1,4}\.\d{1,4})(?:\+[\w.]+)?")
_PNPM_FORMAT = re.compile(r"^lockfileVersion:[ \t]*['\"]?(\d{1,4})", re.MULTILINE)
_PNPM_BY_FORMAT = {5: "7.33.7", 6: "8.15.9", 9: "9.15.9"}
"""Format of the lock file → a release that reads and keeps it: https://pnpm.io/git#lockfiles"""
_NEWEST_PNPM = "9.15.9"
_YARN_FORMAT = re.compile(r"^__metadata:[ \t]*\r?\n[ \t]+version: ['\"]?(\d{1,4})", re.MULTILINE)
_CLASSIC_YARN = "1.22.22"
_MODERN_YARN = {6: "3.8.7"}
_NEWEST_YARN = "4.9.2"


@dataclass(frozen=True, kw_only=True)
class PackageManager:
    """pnpm or yarn, in the release that the project names or its lock file asks for."""

    program: str
    """The command that its package brings."""
    package: str
    """Name and version in npm's registry."""
    arguments: tuple[str, ...]
    """Installs what the lock file says, in one folder as npm would, or fails."""


def package_manager(files: PackageFiles, member: str = "") -> PackageManager | None:
    """What installs the project's packages; None for npm. With a `member`, the folder of a package
    of the workspace, pnpm installs what that one and the top need.

    A lock file of pnpm or yarn decides, and the field `packageManager` says its version
    (https://nodejs.org/api/packages.html#packagemanager). Without a lock file there is nothing
    that npm would do otherwise.
    """
    field = str(files.json(PACKAGE_FILE).get("packageManager", ""))
    pinned = _PINNED.fullmatch(field)
    name, version = pinned.groups() if pinned else ("", "")
    if field.startswith("npm@"):
        return None
    if files.exists(PNPM_LOCK) and name != "yarn":
        return _pnpm(version or _pnpm_release(files.text(PNPM_LOCK)), member)
    if files.exists(YARN_LOCK) and name != "pnpm":
        return _yarn(version or _yarn_release(files.text(YARN_LOCK)))
    return None


def _pnpm(version: str, member: str) -> PackageManager:
    chosen = ("--filter", f"{{{member}}}...", "--filter", "{.}") if member else ()
    arguments = ("install", "--frozen-lockfile", "--config.node-linker=hoisted", *chosen)
    return PackageManager(program="pnpm", package=f"pnpm@{version}", arguments=arguments)


def _pnpm_release(lock: str) -> str:
    match = _PNPM_FORMAT.search(lock)
    return _PNPM_BY_FORMAT.get(int(match[1]), _NEWEST_PNPM) if match else _NEWEST_PNPM


def _yarn(version: str) -> PackageManager:
    if version.startswith("1."):
        arguments = ("install", "--frozen-lockfile", "--non-interactive", "--production=false")
        return PackageManager(program="yarn", package=f"yarn@{version}", arguments=arguments)
    package = f"@yarnpkg/cli-dist@{version}"
    return PackageManager(program="yarn", package=package, arguments=("install", "--immutable"))


def _yarn_release(lock: str) -> str:
    match = _YARN_FORMAT.search(lock)
    return _MODERN_YARN.get(int(match[1]), _NEWEST_YARN) if match else _CLASSIC_YARN
