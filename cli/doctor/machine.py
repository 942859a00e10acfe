"""What this machine has for a repair, and what to do about what is missing."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from docker.errors import DockerException, ImageNotFound

from agent.config import Settings
from agent.extras import how_to_add
from cli.doctor.environment import own_environment
from cli.doctor.findings import Finding, Report, State
from cli.doctor.sandbox import inside
from sandbox.engines.bwrap_program import PACKAGE, bwrap_program
from sandbox.engines.docker.client import connect
from sandbox.engines.docker.engine import is_podman
from sandbox.engines.namespaces import may_make_namespaces, what_forbids
from sandbox.host import programs

PROGRAM_TIMEOUT_SECONDS = 10
MIN_FREE_BYTES = 2 * 1024**3
GIBIBYTE = 1024**3
LOCAL_MODEL = "a model run here"
MODEL_PACKAGES = ("torch", "transformers", "xgrammar")
REDIS_ADDRESS = ("127.0.0.1", 6379)


def examine(settings: Settings) -> Report:
    """Look at everything; takes a few seconds where something does not answer."""
    disks = (free_disk("cache", settings.cache_dir), free_disk("state", settings.state_dir))
    requirements = (python(), git(), *disks)
    environment = own_environment()
    engine, bwrap = docker_engine(settings), bubblewrap()
    boxes = tuple(
        inside(name, settings)
        for name, engine_finding in (("docker", engine), ("bubblewrap", bwrap))
        if engine_finding.state is State.OK
    )
    packages = (package("torch", LOCAL_MODEL), package("transformers", LOCAL_MODEL))
    extras = (gpu(), *packages, model(settings))
    redis = (package("redis", "the service", extra="service"), redis_server())
    if any(box.state is State.OK for box in boxes):  # one engine is enough
        engine, bwrap = (_beside_another(finding) for finding in (engine, bwrap))
    works = all(finding.state is State.OK for finding in requirements)
    has_sandbox = any(finding.state in (State.OK, State.PARTLY) for finding in boxes)
    findings = (
        *requirements,
        environment,
        engine,
        base_image(settings, engine),
        bwrap,
        *boxes,
        *extras,
        *redis,
    )
    return Report(findings=findings, can_repair=works and has_sandbox)


def _beside_another(engine: Finding) -> Finding:
    """An engine, where the other one works."""
    if engine.state is not State.MISSING:
        return engine
    return replace(engine, needed_for="another kind of sandbox than the one that works")


def python() -> Finding:
    description = f"{sys.version.split()[0]} ({sys.executable})"
    return Finding(name="Python", state=State.OK, found=description)


def git() -> Finding:
    output = _output("git", "--version")
    if output is None:
        return _missing("git", "not on PATH", "install git with your system's package manager")
    return Finding(name="git", state=State.OK, found=output.removeprefix("git version "))


def docker_engine(settings: Settings) -> Finding:
    name = "Docker engine"
    try:
        client = connect(PROGRAM_TIMEOUT_SECONDS)
        try:
            info, version = client.info(), client.version()
        finally:
            client.close()
    except DockerException as error:
        advice = (
            "start Docker (or Podman's socket), or see that you may use it; bubblewrap will do, too"
        )
        return _missing(name, f"does not answer: {_first_line(error)}", advice)
    engine_text = _engine_words(info, version)
    runtime = settings.docker_runtime
    if runtime and runtime not in info.get("Runtimes", {}):
        advice = f"install the runtime {runtime}, or unset REPAIR_DOCKER_RUNTIME"
        description = f"{engine_text}, no runtime {runtime}"
        return Finding(name=name, state=State.BROKEN, found=description, advice=advice)
    return Finding(name=name, state=State.OK, found=engine_text)


def _engine_words(info: Mapping[str, Any], version: Mapping[str, Any]) -> str:
    """Podman answers on Docker's socket, too, and either may run without root."""
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    return (
        f"{'Podman ' if is_podman(version) else ''}{version.get('Version', '?')},"
        f"{' rootless,' if rootless else ''} cgroup v{info.get('CgroupVersion', '?')}"
    )


def base_image(settings: Settings, engine: Finding) -> Finding:
    name = "base image"
    if engine.state is not State.OK:
        return _missing(name, "no engine to hold one", "", needed_for="the Docker sandbox")
    image = settings.docker_image
    if image is None:
        description = "python:X.Y-slim, pulled when a project needs it"
        return Finding(name=name, state=State.OK, found=description)
    try:
        client = connect(PROGRAM_TIMEOUT_SECONDS)
        try:
            client.images.get(image)
        finally:
            client.close()
    except ImageNotFound:
        advice = f"`docker pull {image}`, or set REPAIR_DOCKER_IMAGE to an image that is there"
        return _missing(name, f"{image} is not on this machine", advice)
    except DockerException as error:
        return Finding(name=name, state=State.BROKEN, found=_first_line(error))
    return Finding(name=name, state=State.OK, found=image)


def bubblewrap() -> Finding:
    program = bwrap_program()
    output = _output(program, "--version") if program else None
    if program is None or output is None:
        advice = (
            "Debian, Ubuntu: apt install bubblewrap; Fedora: dnf install bubblewrap"
            if sys.platform == "linux"
            else "it exists on Linux only; use Docker here"
        )
        return _missing("bubblewrap", "not on PATH", advice)
    if not may_make_namespaces(program, PROGRAM_TIMEOUT_SECONDS):
        advice = f"{what_forbids()}. Or use Docker"
        description = f"{output} is installed, but may make no namespaces"
        return Finding(name="bubblewrap", state=State.BROKEN, found=description, advice=advice)
    version = output.removeprefix("bubblewrap ")
    is_own = program == programs.program("bwrap")
    version_text = version if is_own else f"{version}, of the package {PACKAGE}"
    return Finding(name="bubblewrap", state=State.OK, found=version_text)


def free_disk(folder_name: str, folder: Path) -> Finding:
    """Free space where the folder is or will be, and whether it can be written."""
    name = f"{folder_name} folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.write_bytes(b"")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        advice = f"make it writable, or set REPAIR_{folder_name.upper()}_DIR to another folder"
        description = f"{folder}: {error.strerror}"
        return Finding(name=name, state=State.BROKEN, found=description, advice=advice)
    disk_text = f"{folder}, {free / GIBIBYTE:.1f} GiB free"
    if free < MIN_FREE_BYTES:
        advice = (
            f"free {MIN_FREE_BYTES / GIBIBYTE:.0f} GiB, or set REPAIR_{folder_name.upper()}_DIR"
        )
        return Finding(name=name, state=State.BROKEN, found=disk_text, advice=advice)
    return Finding(name=name, state=State.OK, found=disk_text)


def gpu() -> Finding:
    query = ("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    output = _output(*query)
    if not output:
        return _missing("GPU", "none that nvidia-smi sees", "", needed_for=LOCAL_MODEL)
    return Finding(name="GPU", state=State.OK, found="; ".join(output.splitlines()))


def package(name: str, purpose: str, extra: str = "model") -> Finding:
    if find_spec(name) is None:
        return _missing(name, "not installed", how_to_add(extra), needed_for=purpose)
    try:
        return Finding(name=name, state=State.OK, found=version(name))
    except PackageNotFoundError:
        return Finding(name=name, state=State.OK, found="installed, version unknown")


def model(settings: Settings) -> Finding:
    """Which of the three ways to ask a model are open here."""
    is_installed = all(find_spec(name) is not None for name in MODEL_PACKAGES)
    key = "set" if settings.model_api_key is not None else "not set"
    servers = f"servers with --model-url (REPAIR_MODEL_API_KEY is {key})"
    if is_installed:
        return Finding(name="model", state=State.OK, found=f"--model PATH, and {servers}")
    advice = f"to run one in this process: {how_to_add('model')}; see docs/model.md"
    return Finding(name="model", state=State.PARTLY, found=f"{servers} only", advice=advice)


def redis_server() -> Finding:
    name = "Redis server"
    try:
        with socket.create_connection(REDIS_ADDRESS, timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            answers = connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        answers = False
    address = f"{REDIS_ADDRESS[0]}:{REDIS_ADDRESS[1]}"
    if answers:
        return Finding(name=name, state=State.OK, found=f"answers at {address}")
    if programs.program("redis-server") is not None:
        description = f"not running at {address}; `repair service up` starts one"
        return Finding(name=name, state=State.OK, found=description)
    advice = "apt install redis-server, or name one in REPAIR_REDIS_URL"
    observation = f"not installed, and nothing answers at {address}"
    return _missing(name, observation, advice, needed_for="the service")


def _missing(name: str, found: str, advice: str, *, needed_for: str = "") -> Finding:
    return Finding(
        name=name, state=State.MISSING, found=found, advice=advice, needed_for=needed_for
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _output(*argv: str) -> str | None:
    """Standard output of a command; None when it is not there, fails or hangs."""
    try:
        result = programs.run(argv, timeout_seconds=PROGRAM_TIMEOUT_SECONDS)
    except (OSError, programs.TookTooLong):
        return None
    return result.stdout.decode(errors="replace").strip() if result.returncode == 0 else None
