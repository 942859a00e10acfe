"""One door to git. Nothing inside a repository can make it run a program or write to it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.git.checked_repository import (
    STORE_FOLDERS,
    check_objects,
    copy_refs,
    take_head,
    take_lists,
    take_objects,
)
from sandbox.git.folder import GitFolder
from sandbox.host import no_follow, programs

GIT_TIMEOUT_SECONDS = 600.0

# Variables such as GIT_DIR are set when we are called from a hook and would redirect git.
_INHERITED_VARIABLES = (
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "GIT_ASKPASS",
)
_FIXED_VARIABLES = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "git:http:https:ssh",
    "LC_ALL": "C",
}
_NO_SETTINGS = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_SAFE_OPTIONS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")


class GitFailed(Exception):
    """git is not installed, ended with an error, or took too long; holds its own last line."""


def run_git(
    arguments: Sequence[str],
    *,
    variables: Mapping[str, str],
    cwd: Path | None = None,
    timeout_seconds: float = GIT_TIMEOUT_SECONDS,
    pass_fds: Sequence[int] = (),
) -> bytes:
    """Run git and return its stdout. Raises GitFailed."""
    argv, environment = git_environment(arguments, variables)
    try:
        result = programs.run(
            argv,
            cwd=cwd or programs.NEUTRAL_FOLDER,
            env=environment,
            timeout_seconds=timeout_seconds,
            pass_fds=pass_fds,
        )
    except programs.ProgramMissing as error:
        raise GitFailed("git is not installed") from error
    except programs.SaidTooMuch as error:
        raise GitFailed(f"git was ended: {error}") from error
    except programs.TookTooLong as error:
        raise GitFailed(f"git took longer than {timeout_seconds:.0f} s") from error
    if result.returncode != 0:
        raise GitFailed(last_words(result.stderr) or f"git ended with {result.returncode}")
    return result.stdout


def git_environment(
    arguments: Sequence[str], variables: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment that git is called with."""
    # The whole environment is passed on: proxies, agents and HOME belong to the user.
    process_environment = programs.surroundings()
    user_variables = {
        k: v
        for k, v in process_environment.items()
        if not k.startswith("GIT_") or k in _INHERITED_VARIABLES
    }
    return ["git", *_SAFE_OPTIONS, *arguments], {**user_variables, **_FIXED_VARIABLES, **variables}


def last_words(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line]
    error_lines = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))]
    return (error_lines or lines or [""])[-1]


@dataclass(frozen=True)
class CleanRepository:
    """A git folder of our own that borrows another's objects and refs, none of its settings.

    Host git inside a folder that untrusted code could write runs programs named there
    (fsmonitor, filters, hooks); with a separate folder without settings nothing fires, the
    owner does not matter, and the borrowed repository is only read, through no link.
    """

    git_folder: Path
    objects: Path
    work_tree: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    held: tuple[int, ...] = ()
    """Descriptors that git reads objects from."""

    def git(self, *arguments: str, cwd: Path | None = None) -> bytes:
        """Run git on this repository. Raises GitFailed."""
        variables = {
            **_NO_SETTINGS,
            "GIT_DIR": str(self.git_folder),
            "GIT_OBJECT_DIRECTORY": str(self.objects),
            **self.extra,
        }
        if self.work_tree is not None:
            variables["GIT_WORK_TREE"] = str(self.work_tree)
        return run_git(
            arguments, variables=variables, cwd=cwd or self.work_tree, pass_fds=self.held
        )

    def commit(self, name: str) -> str:
        """Return the full id of the commit called `name`. Raises GitFailed."""
        arguments = ("rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}")
        return self.git(*arguments).decode().strip()

    def check_out(self, commit: str, into: Path) -> None:
        """Write the files of a commit under `into`. Raises GitFailed."""
        into.mkdir(parents=True)
        index = {"GIT_INDEX_FILE": str(self.git_folder / "checkout.index")}
        copy = replace(self, work_tree=into, extra=index)
        copy.git("read-tree", commit)
        copy.git("checkout-index", "--all", "--force", "--quiet")


@contextmanager
def borrow(
    git_folder: GitFolder, scratch: Path, *, contested: bool = False
) -> Iterator[CleanRepository]:
    """A clean git folder in `scratch` over the objects and refs of another.

    `contested` is for a repository that others may change meanwhile: what was checked is what
    git reads, and nothing can be written. Raises GitFailed, and GitLeadsOutside where a link
    or a list of alternates leads to another repository.
    """
    clean = Path(tempfile.mkdtemp(prefix="git-", dir=scratch))
    (clean / "objects").mkdir()
    with ExitStack() as stack:
        try:
            own_fd = stack.enter_context(no_follow.opened(git_folder.own))
            common_fd = stack.enter_context(no_follow.opened(git_folder.common))
            take_head(own_fd, clean)
            take_lists(common_fd, clean)
            if contested:
                copy_refs(common_fd, clean)
                objects, pack_descriptors = (
                    clean / "objects",
                    take_objects(common_fd, clean / "objects", stack),
                )
            else:
                check_objects(common_fd)
                objects, pack_descriptors = git_folder.common / "objects", ()
                _link_refs(git_folder.common, clean)
            no_follow.copy_file(common_fd, "config", clean / "theirs")
        except OSError as error:
            raise GitFailed(f"{git_folder.common} cannot be read: {error.strerror}") from error
        (clean / "config").write_text(_format_settings(clean / "theirs"))
        yield CleanRepository(clean, objects, git_folder.top, held=pack_descriptors)


def _link_refs(common: Path, clean: Path) -> None:
    for name in STORE_FOLDERS[1:]:
        if (common / name).is_dir():
            (clean / name).symlink_to(common / name)


def _format_settings(config: Path) -> str:
    """Keep what says how objects and refs are stored; nothing else of the settings."""
    lines = ["[core]", "\tbare = false"]
    extensions = []
    for key in ("objectformat", "refstorage"):
        try:
            arguments = ("config", "--file", str(config), "--get", f"extensions.{key}")
            value = run_git(arguments, variables=_NO_SETTINGS).decode().strip()
        except GitFailed:
            continue
        if value.isalnum():
            extensions.append(f"\t{key} = {value}")
    lines.append(f"\trepositoryformatversion = {1 if extensions else 0}")
    return "\n".join([*lines, "[extensions]", *extensions]) + "\n"
