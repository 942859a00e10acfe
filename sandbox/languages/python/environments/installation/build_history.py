"""A git history of one commit, for builds that ask git for a version or a commit.

It is made inside the sandbox, of the files that are there, and gone before anything is kept: no
test sees it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.base import Session

_VARIABLES = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_NAME": "repair" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "repair@localhost" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": "2020-01-01T00:00:00Z" for who in ("AUTHOR", "COMMITTER")},
}
_MAKE = """
git init -q . && git add -A && git commit -q --allow-empty --no-verify -m "as it was" &&
{ [ -z "$1" ] || git tag -a -m "$1" -- "$1"; }
"""
_GIT_SECONDS = 300.0


@contextmanager
def build_history(session: Session, tag: str | None) -> Iterator[bool]:
    """Give the workspace a history with this tag while the block runs; say whether it has one.

    Without git in the sandbox there is none.
    """
    result = session.run(
        ["sh", "-c", _MAKE, "sh", tag or ""], timeout_seconds=_GIT_SECONDS, env=_VARIABLES
    )
    try:
        yield result.ok
    finally:
        if not session.closed:
            session.run(["rm", "-rf", ".git"], timeout_seconds=_GIT_SECONDS)
