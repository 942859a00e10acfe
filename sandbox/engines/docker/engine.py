"""Runs commands in Docker containers: no network, no rights, everything sized."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker.errors import ImageNotFound
from docker.types import LogConfig, Mount, Ulimit

from sandbox.base import Environment, Interpreter, Limits
from sandbox.egress.build_network import BuildNetwork
from sandbox.egress_report import EgressOutcome
from sandbox.engines.docker.client import connect
from sandbox.engines.docker.images import ENVIRONMENT_REPOSITORY, BaseImage, Images
from sandbox.engines.docker.labels import BASE_LABEL, RECORD_LABEL, SESSION_LABEL, new_labels
from sandbox.environments.build_settings import BuildSettings
from sandbox.environments.store import EnvironmentStore
from sandbox.errors import SandboxDied, SandboxUnavailable
from sandbox.isolation import limit_check, seccomp
from sandbox.isolation.filesystem import BUILD_LIMITS, sizes
from sandbox.isolation.processor_share import own_cpu_shares
from sandbox.isolation.users import LARGE_NAMESPACE_UIDS, SMALL_NAMESPACE_UIDS, new_uid
from sandbox.isolation.variables import command_variables
from sandbox.machine_identity import SHARED_MEMORY, TEMPORARY, WORKSPACE, MachineIdentity
from sandbox.session.bootstrap import INTERPRETER_FLAGS
from sandbox.session.session import GuestSession
from sandbox.session.socket_channel import ENGINE_ERRORS, SocketChannel

ENVIRONMENT_PREFIX = "/opt/environment"
MAX_OPEN_FILES = 4096
CLIENT_TIMEOUT_SECONDS = 120
"""Time-out of one call to the engine; a commit of a large environment is the longest."""


class DockerSandbox:
    """Sandboxes that are containers of a Docker engine. Implements `sandbox.base.Sandbox`."""

    name = "docker"

    def __init__(self, settings: BuildSettings) -> None:
        """Raises SandboxUnavailable when no engine answers."""
        self.settings = settings
        try:
            self.client = connect(CLIENT_TIMEOUT_SECONDS, max_pool_size=32)
        except ENGINE_ERRORS as error:
            raise SandboxUnavailable(f"no Docker engine answers: {error}") from error
        try:
            info = self.client.info()
            self._cpus = float(info["NCPU"])
            self._podman = is_podman(self.client.version())
            self._users = (
                SMALL_NAMESPACE_UIDS if self._podman or _maps_users(info) else LARGE_NAMESPACE_UIDS
            )
        except ENGINE_ERRORS as error:
            self.client.close()
            raise SandboxUnavailable(f"no Docker engine answers: {error}") from error
        self.images = Images(self.client, settings.docker_image)
        self.store = EnvironmentStore(settings.cache_dir / "environments")

    def interpreters(self) -> Sequence[Interpreter]:
        with _engine("list images"):
            return [image.interpreter for image in self.images.all()]

    def environment(self, key: str) -> Environment | None:
        with _engine("look for an environment"):
            try:
                image = self.client.images.get(f"{ENVIRONMENT_REPOSITORY}:{key}")
            except ImageNotFound:
                return None
        return _environment(key, image)

    def environment_key_parts(self, interpreter: Interpreter) -> Sequence[str]:
        with _engine("find a base image"):
            image = self.images.make_local(self.images.holding(interpreter))
            # A tag is moved to another image now and then.
            digest = str(self.client.images.get(image.reference).id)
        return (self.name, digest, image.interpreter.path, *self.settings.package_sources())

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),
    ) -> ImageBuilder:
        with _engine("start the install stage"):
            settings = self.settings.with_pip_configuration()
            network = BuildNetwork(settings)
            image = self.images.make_local(self.images.holding(interpreter))
            identity = MachineIdentity()
            arguments = self._arguments(BUILD_LIMITS, identity) | {
                "read_only": False,
                "user": "0:0",
                # The guest makes the prefix, then becomes the same user as in every session.
                "cap_add": ["CHOWN", "SETUID", "SETGID"],
                # Not `volumes`: those would become part of the image that is committed.
                "mounts": _read_only([*map(str, settings.folders()), *folders]),
            }
            variables = command_variables(
                f"{ENVIRONMENT_PREFIX}/bin", network.variables(), identity
            )
            below = image.reference if base is None or base.image is None else base.image
            uid = self._builder_of(below)
            container = self._create(below, image.interpreter.path, arguments)
        quota = settings.quota(ENVIRONMENT_PREFIX)
        configuration = {"uid": uid, "own": [ENVIRONMENT_PREFIX, WORKSPACE], "quota": quota}
        try:
            session = self._session(
                container, BUILD_LIMITS, variables, source, identity, configuration, remove=False
            )
            network.attach(session)
        except BaseException:
            _remove(container)
            raise
        return ImageBuilder(
            container,
            key,
            image.interpreter.path,
            session,
            self.store.lock,
            base,
            uid,
            network.outside,
        )

    def open(
        self,
        environment: Environment,
        source: Path,
        limits: Limits,
        identity: MachineIdentity | None = None,
    ) -> GuestSession:
        identity = (identity or MachineIdentity()).around(environment.python)
        limits = replace(limits, cpus=min(limits.cpus, self._cpus))
        with _engine("start a sandbox"):
            if environment.image is None:
                raise SandboxUnavailable("this environment was not built with Docker")
            interpreter = self._interpreter(environment)
            arguments = self._arguments(limits, identity)
            if environment.folders:
                arguments |= {"mounts": _read_only(environment.folders)}
            container = self._create(environment.image, interpreter, arguments)
        path = str(Path(identity.python(environment.python)).parent)
        variables = command_variables(path, environment.variables, identity)
        return self._session(container, limits, variables, source, identity, {})

    def bare(self) -> Environment:
        """Return an environment of nothing but the newest Python, for probes and tests."""
        with _engine("find a base image"):
            image = self.images.make_local(next(iter(self.images.all()), None) or _no_image())
        return Environment(
            key="",
            python=image.interpreter.path,
            python_version=image.interpreter.version,
            image=image.reference,
        )

    def _session(
        self,
        container: Any,
        limits: Limits,
        variables: Mapping[str, str],
        source: Path,
        identity: MachineIdentity,
        configuration: Mapping[str, Any],
        *,
        remove: bool = True,
    ) -> GuestSession:
        filters = {name: program.hex() for name, program in seccomp.programs().items()}
        try:
            with _engine("start a sandbox"):
                channel = SocketChannel(container, remove=remove)
            session = GuestSession(
                channel,
                identity=identity,
                limits=limits,
                variables=variables,
                configuration={"seccomp": filters, **configuration},
            )
        except BaseException:
            _remove(container)
            raise
        try:
            _check(session, limits, self._cpus)
            session.unpack(source)
        except BaseException:
            session.close()
            raise
        return session

    def _interpreter(self, environment: Environment) -> str:
        image = self.client.images.get(environment.image)
        record = json.loads(image.labels.get(RECORD_LABEL, "null"))
        return str(record["interpreter"]) if record else environment.python

    def _builder_of(self, image: str) -> int:
        """The user that wrote an environment's files, who can add to them; else a new one."""
        record = json.loads(self.client.images.get(image).labels.get(RECORD_LABEL, "null"))
        return int(record["uid"]) if record else new_uid(self._users)

    def _create(self, image: str, interpreter: str, arguments: Mapping[str, Any]) -> Any:
        return self.client.containers.create(
            image,
            [*INTERPRETER_FLAGS],
            **arguments,
            entrypoint=[interpreter],
            use_config_proxy=False,  # a proxy of the user's may have a password in it
        )

    def _arguments(self, limits: Limits, identity: MachineIdentity) -> dict[str, Any]:
        """Return the settings every container gets."""
        labels = new_labels()
        space = sizes(limits, identity.own)
        uid = new_uid(self._users) if identity.uid is None else identity.uid
        return {
            "name": f"repair-{labels[SESSION_LABEL][:16]}",
            "labels": labels,
            "stdin_open": True,
            "hostname": identity.host,
            "network_mode": "none",
            "read_only": True,
            "tmpfs": {path: self._tmpfs(space[path], uid) for path in (identity.own, TEMPORARY)},
            "shm_size": space[SHARED_MEMORY],
            "working_dir": "/",
            "user": f"{uid}:{uid}",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            # The guest is PID 1 and reaps: no signal from inside ends it, not even kill -9 -1,
            # which would take docker-init's only child away.
            "init": False,
            "pids_limit": limits.processes,
            "mem_limit": limits.memory_bytes,
            "memswap_limit": limits.memory_bytes,
            "cpu_shares": own_cpu_shares(),
            "nano_cpus": int(min(limits.cpus, self._cpus) * 1e9),
            "ulimits": [
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="nofile", soft=MAX_OPEN_FILES, hard=MAX_OPEN_FILES),
                Ulimit(name="fsize", soft=limits.workspace_bytes, hard=limits.workspace_bytes),
            ],
            "log_config": LogConfig(type="none"),
            "auto_remove": False,
            "runtime": self.settings.docker_runtime,
        }

    def _tmpfs(self, size: int, uid: int) -> str:
        """Return the mount options of a writable file system of `size` bytes."""
        options = f"rw,exec,nosuid,nodev,mode=1777,size={size}"
        if (
            self._podman
        ):  # refuses `uid`; without the rest `doctor --deep` says that files are not counted
            return options
        # Pages as inodes, as the kernel would choose: more files than bytes makes no sense.
        return f"{options},uid={uid},gid={uid},nr_inodes={max(size // 4096, 1024)}"


class ImageBuilder:
    """Builds an environment in a container.

    Implements `sandbox.base.EnvironmentBuilder`; sealing commits the container.
    """

    prefix = ENVIRONMENT_PREFIX

    def __init__(
        self,
        container: Any,
        key: str,
        interpreter: str,
        session: GuestSession,
        lock: Callable[[], AbstractContextManager[None]],
        base: Environment | None,
        uid: int,
        read_outside: Callable[[], EgressOutcome],
    ) -> None:
        self.session = session
        self.outside = read_outside
        self._uid = uid
        self._container = container
        self._key = key
        self._interpreter = interpreter
        self._lock = lock
        self._base = base

    def seal(
        self, *, python: str, python_version: tuple[int, int, int], variables: Mapping[str, str]
    ) -> Environment:
        self.session.close()
        record = {
            "key": self._key,
            "python": python,
            "python_version": list(python_version),
            "variables": dict(variables),
            "interpreter": self._interpreter,
            "uid": self._uid,
        }
        labels = {SESSION_LABEL: "", RECORD_LABEL: json.dumps(record)}
        if self._base is not None:
            labels[BASE_LABEL] = self._base.key
        with _engine("keep the environment"):
            image = self._container.commit(conf={"Labels": labels})
            with self._lock():
                image = self._first(image)
        _remove(self._container)
        environment = _environment(self._key, image)
        assert environment is not None
        return environment

    def _first(self, image: Any) -> Any:
        """Return the image that has the key already, or let this one have it."""
        images = self._container.client.images
        try:
            image_of_key = images.get(f"{ENVIRONMENT_REPOSITORY}:{self._key}")
        except ImageNotFound:
            image_of_key = None
        if image_of_key is None or _environment(self._key, image_of_key) is None:
            image.tag(ENVIRONMENT_REPOSITORY, self._key)
            return image
        images.remove(image.id)
        return image_of_key

    def discard(self) -> None:
        self.session.close()
        _remove(self._container)


def _read_only(folders: Sequence[str]) -> list[Mount]:
    return [Mount(folder, folder, type="bind", read_only=True) for folder in folders]


def _maps_users(info: Mapping[str, Any]) -> bool:
    """Whether containers have a user namespace, which rarely holds more than 65,536 users."""
    options = [str(option) for option in info.get("SecurityOptions") or ()]
    return any("userns" in option or "rootless" in option for option in options)


def _environment(key: str, image: Any) -> Environment | None:
    """The environment that an image was sealed as under this key; None for any other image."""
    record = json.loads(image.labels.get(RECORD_LABEL, "null"))
    if record is None or record.get("key") != key:
        return None
    version = record["python_version"]
    return Environment(
        key=key,
        python=record["python"],
        python_version=(version[0], version[1], version[2]),
        image=str(image.id),
        variables=record["variables"],
    )


def is_podman(version: Mapping[str, Any]) -> bool:
    """Whether what answers on Docker's socket is Podman, by what it says of its version."""
    return any(part.get("Name") == "Podman Engine" for part in version.get("Components") or ())


def _check(session: GuestSession, limits: Limits, cpus: float) -> None:
    limits_in_force = session.read_limits()
    limit_check.check_groups(limits_in_force, limits, min(limits.cpus, cpus))
    limit_check.check_file_systems(limits_in_force, limits, session.identity.writable)
    limit_check.check_privileges(limits_in_force)


def _no_image() -> BaseImage:
    raise SandboxUnavailable(
        "the Docker engine has no image with a Python and reaches no registry;"
        " docker/offline-base.sh makes one from a Debian mirror"
    )


def _remove(container: Any) -> None:
    try:
        container.remove(force=True, v=True)
    except ENGINE_ERRORS:
        return  # gone already, or the reaper's once the engine is back


@contextmanager
def _engine(doing: str) -> Iterator[None]:
    """Turn what the engine's client raises into an infrastructure error that is retried."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise SandboxDied(f"the Docker engine could not {doing}: {error}") from error
