"""A commit brought here from another machine: over which ways, from which addresses, how much."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import resource
import shlex
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import getproxies

from sandbox.git.git_process import (
    GIT_TIMEOUT_SECONDS,
    GitFailed,
    git_environment,
    last_words,
    run_git,
)
from sandbox.git.login import Login
from sandbox.git.remote import BadAddress, Reach, Remote, Unresolved, addresses_of, parse
from sandbox.host import programs

MAX_FETCHED_BYTES = 2 * 1024**3
"""Of one fetch. A project may have 1 GiB of files (`sandbox.snapshots.listing.TreeLimits`)."""
MAX_FETCHED_FILES = 500_000
"""Refs are files of their own."""
PINNING_GIT = (2, 37)
"""The first version that knows `http.curloptResolve`."""
SIZE_CHECK_SECONDS = 0.25
SSH_SETTINGS = ("GIT_SSH_COMMAND", "GIT_SSH")


@dataclass(frozen=True, kw_only=True)
class FetchRoute:
    """How git is to get there: what it is called with beside the URL."""

    url: str
    options: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def route_to(url: str, reach: Reach) -> FetchRoute:
    """How a job's fetch reaches an address. Raises BadAddress where the job may not reach it."""
    if reach is Reach.ANYWHERE:
        return FetchRoute(url=url)
    if reach is Reach.NAMED:
        return pinned(parse(url, allow_private=True), ())
    remote = parse(url)
    try:
        return pinned(remote, addresses_of(remote))
    except Unresolved:
        if remote.scheme != "https" or "https" not in getproxies():
            raise
        return pinned(remote, ())  # the proxy resolves, and decides


def pinned(remote: Remote, addresses: Sequence[str]) -> FetchRoute:
    """How git reaches a remote at these addresses and no others, whatever the name stands for a
    moment later; a server that redirects is not followed. Without addresses the name is resolved by
    git."""
    variables = {"GIT_ALLOW_PROTOCOL": "https:ssh"}
    options = ["-c", "http.followRedirects=false"]
    if remote.scheme == "https" and addresses and ":" not in remote.host:  # else it is written out
        _check_version()
        numbers = ",".join(f"[{address}]" if ":" in address else address for address in addresses)
        options += ["-c", f"http.curloptResolve={remote.host}:{remote.port}:{numbers}"]
    if remote.scheme == "ssh":
        ssh_options = ["-o", "BatchMode=yes"]
        if addresses:
            # The key of the host is looked up under the name that was asked for.
            name = remote.host if remote.port == 22 else f"[{remote.host}]:{remote.port}"
            ssh_options += ["-o", f"HostName={addresses[0]}", "-o", f"HostKeyAlias={name}"]
        variables["GIT_SSH_COMMAND"] = f"{_ssh()} {shlex.join(ssh_options)}"
    return FetchRoute(url=str(remote), options=tuple(options), variables=variables)


@functools.cache
def _version() -> tuple[int, ...]:
    match = re.search(rb"(\d+)\.(\d+)", run_git(["--version"], variables={}))
    return tuple(map(int, match.groups())) if match else ()


def _check_version() -> None:
    """An older git passes over the setting, and resolves the name anew. Raises BadAddress."""
    if _version() < PINNING_GIT:
        minimum = ".".join(map(str, PINNING_GIT))
        raise BadAddress(f"URLs need git {minimum} or newer on the worker")


def fetch(
    url: str,
    at: str | None,
    git_folder: Path,
    reach: Reach,
    login: Login | None = None,
    cut_off: Callable[[], bool] = lambda: False,
) -> str:
    """Fetch one commit, or the whole history when the server gives it no other way.

    `url` holds no password: lists of processes and messages of git show it. Once `cut_off` says so
    it ends. Raises GitFailed and BadAddress.
    """
    route = route_to(url, reach)
    is_apart = reach is not Reach.ANYWHERE
    own_login = login.variables(url) if login and not is_apart else {}
    # The user's own settings hold credentials, proxy and CA; the repository has none yet.
    variables = {"GIT_DIR": str(git_folder), **route.variables, **own_login}
    run_git(["init", "--quiet", "--bare", "--template=", str(git_folder)], variables={})
    fetch_arguments = [
        *route.options,
        "fetch",
        "--quiet",
        "--no-recurse-submodules",
        "--no-write-commit-graph",
    ]
    try:
        single_commit = [*fetch_arguments, "--depth=1", "--end-of-options", route.url, at or "HEAD"]
        fetch_within(single_commit, git_folder, variables, new_session=is_apart, cut_off=cut_off)
    except (FetchTooLarge, CutOff):
        raise
    except GitFailed:
        if at is None:
            raise
        refspecs = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")
        whole_history = [*fetch_arguments, "--end-of-options", route.url, *refspecs]
        fetch_within(whole_history, git_folder, variables, new_session=is_apart, cut_off=cut_off)
        return at
    head = ["rev-parse", "FETCH_HEAD^{commit}"]
    return run_git(head, variables=variables).decode().strip()


class FetchTooLarge(GitFailed):
    """More came than a repository may have; it was cut off."""


class CutOff(GitFailed):
    """The caller had no more time for it."""


def fetch_within(
    arguments: Sequence[str],
    git_folder: Path,
    variables: Mapping[str, str],
    *,
    new_session: bool = True,
    most_bytes: int = MAX_FETCHED_BYTES,
    timeout_seconds: float = GIT_TIMEOUT_SECONDS,
    cut_off: Callable[[], bool] = lambda: False,
) -> None:
    """Run git, and end it as soon as its folder is larger than allowed, or once `cut_off` says so.
    Raises GitFailed.

    `new_session`: without the terminal, on which ssh might ask something.
    """
    # One pack instead of a file an object: the system itself stops git where the pack ends.
    options = ["-c", "fetch.unpackLimit=1", "-c", "gc.auto=0"]
    deadline = time.monotonic() + timeout_seconds
    with tempfile.TemporaryFile() as stderr:
        argv, environment = git_environment([*options, *arguments], variables)
        try:
            process = programs.start(
                argv, env=environment, quiet=True, new_session=new_session, stderr=stderr
            )
        except programs.ProgramMissing as error:
            raise GitFailed("git is not installed") from error
        try:
            _limit_files(process.pid, most_bytes)
            while not _ended(process):
                if time.monotonic() > deadline:
                    raise GitFailed(f"git took longer than {timeout_seconds:.0f} s")
                if cut_off():
                    raise CutOff("the time for it was over")
                _check_size(git_folder, stderr.fileno(), most_bytes)
        finally:
            _kill(process, new_session)
        stderr.seek(max(0, os.fstat(stderr.fileno()).st_size - 65_536))
        sentence = last_words(stderr.read())
        _check_size(git_folder, stderr.fileno(), most_bytes - 1)
    if process.returncode != 0:
        raise GitFailed(sentence or f"git ended with {process.returncode}")


def _ended(process: programs.Process) -> bool:
    with contextlib.suppress(programs.TookTooLong):
        process.wait(SIZE_CHECK_SECONDS)
    return process.returncode is not None


def _check_size(folder: Path, stderr_fd: int, most_bytes: int) -> None:
    size, files = os.fstat(stderr_fd).st_size, 0
    stack = [folder]
    while stack:
        with contextlib.suppress(FileNotFoundError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                files += 1
                if entry.is_dir(follow_symlinks=False):
                    stack.append(Path(entry.path))
                    continue
                with contextlib.suppress(FileNotFoundError):
                    size += entry.stat(follow_symlinks=False).st_size
    if size > most_bytes or files > MAX_FETCHED_FILES:
        raise FetchTooLarge(
            f"more than {most_bytes / 1024**2:,.0f} MiB or {MAX_FETCHED_FILES:,} files came: the "
            "repository is too large"
        )


def _limit_files(pid: int, most_bytes: int) -> None:
    """No file of it and its children grows further, also between two looks (Linux)."""
    with contextlib.suppress(ProcessLookupError, PermissionError, AttributeError):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, most_bytes))


def _kill(process: programs.Process, new_session: bool) -> None:
    """git and what it started: as a session of its own all at once, else they end with it."""
    with contextlib.suppress(ProcessLookupError):
        if new_session:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    process.wait()


def _ssh() -> str:
    """How the user has git call ssh."""
    environment = git_environment([], {})[1]
    if command := environment.get("GIT_SSH_COMMAND"):
        return command
    if program := environment.get("GIT_SSH"):
        return shlex.quote(program)
    try:
        return run_git(["config", "--get", "core.sshCommand"], variables={}).decode().strip()
    except GitFailed:
        return "ssh"
