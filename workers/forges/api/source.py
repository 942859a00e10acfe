"""The commit a job works on: fetched once, by its id, into a git folder of the job's own.

Workers get this folder and never a token. It has no work tree, its settings are ours, and
nothing of the repository is run: no hooks, no filters, no submodules.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent.patches.changes import FileChange, diff_bytes
from agent.patches.commit import Author, write_commit
from agent.patches.unified_diff import apply_diff
from sandbox.git.fetch import FetchTooLarge, fetch_within
from sandbox.git.git_process import CleanRepository, GitFailed, run_git
from sandbox.host.private_files import private_folder
from sandbox.host.untrusted_tree import remove_tree
from sandbox.isolation.owner import scratch_folder
from workers.forges.errors import SourceUnavailable, Unauthorized, Unreachable

PINNED_REF = "refs/repair/base"
FETCH_TIMEOUT_SECONDS = 600.0
_NO_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
_DENIED_SIGNS = ("authentication failed", "could not read username", "returned error: 401")
_LASTING_SIGNS = (
    "not our ref",
    "remote ref",
    "not found",
    "error: 403",
    "failed to push",
    "rejected",
)
"""What git says when the server answered and refused. After anything else (a connection that
broke) a push may have arrived."""
_QUOTED = re.compile(r"'[^']*'")
"""The address of the repository, which may hold any word."""


@dataclass(frozen=True)
class Source:
    """A bare repository with one commit and its files."""

    folder: Path
    url: str
    cut_off: Callable[[], bool] = lambda: False
    """Once true, a fetch or a push ends as Unreachable."""

    def fetch(self, commit: str, token: str) -> None:
        """Get the commit, unless it is here. Raises SourceUnavailable, Unauthorized, Unreachable.

        Asking for the id and not for a branch pins it: what the branch is moved to meanwhile
        is never taken.
        """
        if self.has(commit):
            return
        private_folder(self.folder.parent)
        run_git(
            ["init", "--quiet", "--bare", "--template=", str(self.folder)], variables=_NO_SETTINGS
        )
        arguments = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
        try:
            self._remote([*arguments, self.url, commit], token)
        except GitFailed as error:
            self.remove()
            raise _named(error, f"the commit {commit} cannot be fetched") from error
        self._repository().git("update-ref", PINNED_REF, commit)

    def has(self, commit: str) -> bool:
        try:
            return self._repository().commit(PINNED_REF) == commit
        except (GitFailed, OSError):
            return False

    def changes(self, commit: str, patch: str) -> dict[str, FileChange]:
        """What a patch does to the files of the commit. Raises PatchRefused."""
        repository = self._repository()

        def read(path: str) -> bytes | None:
            try:
                return repository.git("cat-file", "blob", f"{commit}:{path}", cwd=self.folder)
            except GitFailed:
                return None

        return apply_diff(diff_bytes(patch), read)

    def commit(
        self, base: str, changes: Mapping[str, FileChange], message: str, author: Author
    ) -> str:
        """Commit changes on top of `base`; the same again gives the same id."""
        with scratch_folder() as scratch:
            return write_commit(
                self._repository(),
                Path(scratch),
                base=base,
                changes=changes,
                message=message,
                author=author,
            )

    def push(self, commit: str, branch: str, old_commit: str | None, token: str) -> None:
        """Set a branch to a commit, only where it is at `old_commit` (None: not there) now.

        Raises SourceUnavailable when it is somewhere else, Unauthorized, Unreachable.
        """
        lease = f"--force-with-lease=refs/heads/{branch}:{old_commit or ''}"
        arguments = ["push", "--quiet", "--porcelain", lease, "--no-verify", "--no-signed"]
        try:
            self._remote([*arguments, self.url, f"{commit}:refs/heads/{branch}"], token)
        except GitFailed as error:
            raise _named(error, f"the branch {branch} cannot be pushed") from error

    def remove(self) -> None:
        with suppress(OSError):
            remove_tree(self.folder)

    def _repository(self) -> CleanRepository:
        return CleanRepository(self.folder, self.folder / "objects")

    def _remote(self, arguments: list[str], token: str) -> None:
        variables = {"GIT_DIR": str(self.folder), **_NO_SETTINGS, **_header(self.url, token)}
        fetch_within(
            arguments,
            self.folder,
            variables,
            timeout_seconds=FETCH_TIMEOUT_SECONDS,
            cut_off=self.cut_off,
        )


def _header(url: str, token: str) -> dict[str, str]:
    """The token as settings in the environment: in no URL, no argument list, no file.

    It is tied to the host, and redirects are not followed.
    """
    parts = urlsplit(url)
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    settings = {
        f"http.{parts.scheme}://{parts.netloc}/.extraHeader": f"Authorization: Basic {basic}",
        "credential.helper": "",
        # Git would send the header on to where a server sends it.
        "http.followRedirects": "false",
        "gc.auto": "0",
    }
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def _named(error: GitFailed, failure: str) -> Exception:
    reason = str(error)
    if isinstance(error, FetchTooLarge):
        return SourceUnavailable(f"{failure}: {reason}")
    lower_reason = _QUOTED.sub("''", reason).lower()
    if any(sign in lower_reason for sign in _DENIED_SIGNS):
        return Unauthorized(f"{failure}: the server does not take the token")
    if any(sign in lower_reason for sign in _LASTING_SIGNS):
        return SourceUnavailable(f"{failure}: {reason}")
    return Unreachable(f"{failure}: {reason}")
