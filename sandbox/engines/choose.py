"""Picks the sandbox: what the user names, or the best that really works here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.base import Environment, Limits
from sandbox.engines.bubblewrap import BubblewrapSandbox
from sandbox.engines.bwrap_program import bwrap_program
from sandbox.engines.docker.engine import DockerSandbox
from sandbox.engines.namespaces import may_make_namespaces, what_forbids
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxError, SandboxUnavailable
from sandbox.isolation.owner import scratch_folder
from sandbox.session.session import GuestSession
from sandbox.snapshots.tarball import empty_tar

AnySandbox = DockerSandbox | BubblewrapSandbox | ProcessSandbox

ENGINE_NAMES = ("auto", "docker", "bubblewrap", "process")
HOW_TO_GET_ONE = (
    "Install Docker (https://docs.docker.com/engine/install/; on macOS Docker Desktop or colima)"
    " and let this user reach it, or on Linux bubblewrap (`apt install bubblewrap`,"
    " `dnf install bubblewrap`), which has to be allowed to make namespaces; for code you trust"
    " there is `--sandbox process`, which isolates nothing."
)
WITHOUT_RUNTIME = (
    "Give --sandbox docker with an engine that has this runtime, or leave --runtime out and unset"
    " REPAIR_DOCKER_RUNTIME."
)


def choose(name: str, settings: BuildSettings) -> AnySandbox:
    """Return the sandbox with this name; `auto` is Docker, else bubblewrap, never process.

    A container runtime is asked for as a stronger wall: without Docker nothing runs.
    Raises SandboxUnavailable with what to do about it.
    """
    if settings.docker_runtime and name in ("bubblewrap", "process"):
        raise SandboxUnavailable(
            f"the runtime {settings.docker_runtime} is one of Docker's, and the sandbox {name} has"
            f" none. {WITHOUT_RUNTIME}"
        )
    if name == "auto":
        return _first_that_works(settings)
    try:
        if name == "docker":
            return _docker(settings)
        if name == "bubblewrap":
            return _bubblewrap(settings)
    except SandboxUnavailable as error:
        raise SandboxUnavailable(f"{error}. {_advice(name, settings)}") from error
    if name == "process":
        return ProcessSandbox(settings)
    raise SandboxUnavailable(
        f"there is no sandbox `{name}`; choose one of {', '.join(ENGINE_NAMES)}"
    )


def _first_that_works(settings: BuildSettings) -> AnySandbox:
    reasons = []
    for make in (_docker,) if settings.docker_runtime else (_docker, _bubblewrap):
        try:
            return make(settings)
        except SandboxError as error:
            reasons.append(str(error))
    if settings.docker_runtime:
        raise SandboxUnavailable(
            f"the runtime {settings.docker_runtime} needs Docker, which does not work here:"
            f" {reasons[0]}. {WITHOUT_RUNTIME}"
        )
    raise SandboxUnavailable(f"no sandbox works here: {'; '.join(reasons)}. {HOW_TO_GET_ONE}")


def _advice(name: str, settings: BuildSettings) -> str:
    """What to do without the engine that was asked for: the other one may work."""
    if settings.docker_runtime:
        return WITHOUT_RUNTIME
    alternative, make = ("docker", _docker) if name == "bubblewrap" else ("bubblewrap", _bubblewrap)
    try:
        make(settings)
    except SandboxError:
        return HOW_TO_GET_ONE
    return f"Put that right, or give --sandbox {alternative}, which works here."


def _docker(settings: BuildSettings) -> DockerSandbox:
    sandbox = DockerSandbox(settings)
    if not sandbox.interpreters():
        raise SandboxUnavailable(
            "the Docker engine has no image with a Python and reaches no registry"
            " (docker/offline-base.sh makes one)"
        )
    return sandbox


def _bubblewrap(settings: BuildSettings) -> BubblewrapSandbox:
    """Installed is not enough: user namespaces may be switched off. Run something in it."""
    sandbox = BubblewrapSandbox(settings)
    try:
        with empty_session(sandbox, sandbox.bare(), Limits()) as session:
            session.run(["true"], timeout_seconds=10)
    except SandboxError as error:
        program = bwrap_program()
        if program is not None and not may_make_namespaces(program):
            raise SandboxUnavailable(
                f"bubblewrap is here and may make no namespaces: {what_forbids()}"
            ) from error
        raise SandboxUnavailable(f"bubblewrap does not work here: {error}") from error
    return sandbox


@contextmanager
def empty_session(
    sandbox: AnySandbox, environment: Environment, limits: Limits
) -> Iterator[GuestSession]:
    """A session with no files in its workspace. Raises SandboxError."""
    with scratch_folder() as folder:
        source = Path(folder) / "empty.tar"
        source.write_bytes(empty_tar())
        with sandbox.open(environment, source, limits) as session:
            yield session
