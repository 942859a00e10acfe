"""What the model's sandbox has beside the project: a repository, programs, a folder for scratch."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

from sandbox.base import Session

SETUP_SECONDS = 60.0
SCRATCH = "scratch"
"""In the folder of temporary files, for what is no part of the project."""
PROGRAMS = "programs"
"""In the same folder: `python` and `pip`, where the environment has none of that name."""
GIT_VARIABLES = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}
_FIXED_DATE = "2000-01-01T00:00:00Z"

_FOLDERS = f"""
temporary="${{TMPDIR:-/tmp}}"
mkdir -p "$temporary/{SCRATCH}" "$temporary/{PROGRAMS}"
cd "$temporary/{PROGRAMS}" || exit
base=$("$1" -I -S -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')
for name in python python3; do
  test -x "$2/$name" || printf '#!/bin/sh\nexec "%s" "$@"\n' "$1" >$name
done
for name in pip pip3; do
  test -x "$2/$name" ||
    printf '#!/bin/sh\nexec "%s" -I -m pip --python "%s" "$@"\n' "$base" "$1" >$name
done
chmod -f +x * 2>/dev/null
printf %s "$temporary"
"""
# One commit that holds every file, ignored ones too, and nothing by which the project's own files
# could act: no hooks, no filters or conversions of its attributes, no configuration but this.
_REPOSITORY = """
command -v git >/dev/null && ! test -e .git || exit 0
{
  git init -q --template= &&
  git config core.hooksPath /dev/null && git config core.fsmonitor false &&
  git config core.autocrlf false && git config core.attributesFile /dev/null &&
  git config core.excludesFile /dev/null && git config core.quotePath false &&
  git config core.pager cat && git config gc.auto 0 && git config commit.gpgSign false &&
  git config user.name repair && git config user.email repair@localhost &&
  mkdir -p .git/info && printf '%s\\n' '* -text -eol -ident -filter -working-tree-encoding' \\
    >.git/info/attributes &&
  git add -A -f . && git commit -q --allow-empty --no-verify -m base
} >/dev/null 2>&1 || rm -rf .git
test ! -e .git || echo made
"""


@dataclass(frozen=True)
class SandboxSetup:
    """What was made in a sandbox."""

    temporary: str
    """The folder of temporary files, absolute."""
    repository: bool
    """Whether the project is in one: not without git, nor where it does not fit."""


def set_up(session: Session, python: str) -> SandboxSetup:
    """Make folders, programs and the repository."""
    folders = session.run(
        ["sh", "-c", _FOLDERS, "sh", python, posixpath.dirname(python)],
        timeout_seconds=SETUP_SECONDS,
    )
    dates = {"GIT_AUTHOR_DATE": _FIXED_DATE, "GIT_COMMITTER_DATE": _FIXED_DATE}
    repository = session.run(
        ["sh", "-c", _REPOSITORY], timeout_seconds=SETUP_SECONDS, env={**GIT_VARIABLES, **dates}
    )
    if not repository.ok:  # it took too long, or too much: nothing half made stays
        session.run(["rm", "-rf", ".git"], timeout_seconds=SETUP_SECONDS)
    return SandboxSetup(
        folders.stdout.strip(), repository=repository.ok and "made" in repository.stdout
    )
