"""Asks a sandbox for a toolchain beside the Python that it needs itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from sandbox.base import Interpreter, Sandbox, Session
from sandbox.errors import PythonNotFound
from sandbox.isolation.owner import scratch_folder
from sandbox.snapshots.tarball import empty_tar

T = TypeVar("T")


def places(sandbox: Sandbox) -> Iterator[Interpreter]:
    """One interpreter for each place that may have another toolchain. Raises PythonNotFound."""
    interpreters = sandbox.interpreters()
    if not interpreters:
        raise PythonNotFound("the sandbox itself needs a Python 3.8 or newer, and found none")
    if sandbox.name != "docker":
        yield interpreters[0]  # all see the same programs of this machine
        return
    # An image that is not here yet has no micro version; those that could be pulled are plain ones.
    yield from (
        interpreter
        for interpreter in interpreters
        if interpreter.version[2] or len(interpreters) == 1
    )


def ask(
    sandbox: Sandbox,
    interpreter: Interpreter,
    question: Callable[[Session], T],
    folders: Sequence[str] = (),
) -> T:
    """What `question` finds in an install stage with nothing in it."""
    with scratch_folder() as folder:
        archive = Path(folder) / "nothing.tar"
        archive.write_bytes(empty_tar())
        key = f"probe{secrets.token_hex(13)}"
        builder = sandbox.build(key, interpreter, archive, folders=folders)
        try:
            return question(builder.session)
        finally:
            builder.discard()
