"""Runs commands in Linux namespaces through bubblewrap: no engine and no root needed."""

from __future__ import annotations

import functools
import os
import platform
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from sandbox.base import Environment, Interpreter, Limits
from sandbox.egress.build_network import BuildNetwork
from sandbox.engines.bwrap_program import bwrap_program
from sandbox.engines.process import most_files, watched
from sandbox.environments.build_settings import BuildSettings
from sandbox.environments.builder import FolderBuilder
from sandbox.environments.interpreters import (
    HostInterpreter,
    bare_environment,
    host_environment_key_parts,
    host_interpreters,
    need,
)
from sandbox.environments.store import EnvironmentStore
from sandbox.errors import SandboxUnavailable
from sandbox.host import programs
from sandbox.isolation import limit_check, seccomp
from sandbox.isolation.cgroup import ControlGroup
from sandbox.isolation.credential_files import credential_files
from sandbox.isolation.filesystem import BUILD_LIMITS, SANDBOX_UID, sizes
from sandbox.isolation.users import new_uid, users_here
from sandbox.isolation.variables import command_variables
from sandbox.machine_identity import WORKSPACE, MachineIdentity
from sandbox.session.bootstrap import INTERPRETER_FLAGS
from sandbox.session.pipe_channel import PipeChannel
from sandbox.session.session import GuestSession

CAP_SYS_ADMIN = 1 << 21
SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
ETC = (
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "mime.types",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "pki/tls/certs",
    "pki/ca-trust/extracted",
    "ca-certificates",
)


class BubblewrapSandbox:
    """Sandboxes made by the program bubblewrap. Implements `sandbox.base.Sandbox`."""

    name = "bubblewrap"

    def __init__(self, settings: BuildSettings) -> None:
        """Raises SandboxUnavailable when there is no `bwrap`."""
        if bwrap_program() is None:
            raise SandboxUnavailable("bubblewrap is not installed (no `bwrap` on PATH)")
        self.settings = settings
        self.store = EnvironmentStore(settings.cache_dir / "environments")

    def interpreters(self) -> Sequence[Interpreter]:
        return [interpreter.public() for interpreter in host_interpreters()]

    def environment(self, key: str) -> Environment | None:
        return self.store.get(key)

    def environment_key_parts(self, interpreter: Interpreter) -> Sequence[str]:
        return host_environment_key_parts(self.name, interpreter, self.settings)

    def build(
        self,
        key: str,
        interpreter: Interpreter,
        source: Path,
        base: Environment | None = None,
        *,
        folders: Sequence[str] = (),
    ) -> FolderBuilder:
        settings = self.settings.with_pip_configuration()
        network = BuildNetwork(settings)
        python = need(interpreter.path)
        uid = _session_uid()
        root = self.store.new_root(key, base, uid if _root_mode() else None)
        mounts = ["--bind", str(root), str(root)]
        mounts += _read_only([*map(str, settings.folders()), *folders])
        try:
            identity, quota = MachineIdentity(uid=uid), settings.quota(str(root))
            variables = command_variables(f"{root}/bin", network.variables(), identity)
            session = self._start(
                python, mounts, variables, BUILD_LIMITS, source, identity, quota=quota
            )
            network.attach(session)
        except BaseException:
            self.store.discard(root)
            raise
        return FolderBuilder(
            self.store,
            key,
            root,
            python.path,
            session,
            base,
            most_bytes=settings.environment_bytes,
            read_outside=network.outside,
        )

    def open(
        self,
        environment: Environment,
        source: Path,
        limits: Limits,
        identity: MachineIdentity | None = None,
    ) -> GuestSession:
        identity = (identity or MachineIdentity()).around(environment.python)
        base = need(self.store.interpreter(environment))
        root = environment.root
        mounts = _read_only([*([str(root)] if root else []), *environment.folders])
        path = str(Path(identity.python(environment.python)).parent)
        variables = command_variables(path, environment.variables, identity)
        return self._start(base, mounts, variables, limits, source, identity, leased=root)

    def bare(self) -> Environment:
        """Return an environment of nothing but the newest Python, for probes and tests."""
        return bare_environment()

    def _start(
        self,
        base: HostInterpreter,
        mounts: Sequence[str],
        variables: Mapping[str, str],
        limits: Limits,
        source: Path,
        identity: MachineIdentity,
        *,
        quota: Mapping[str, object] | None = None,
        leased: Path | None = None,
    ) -> GuestSession:
        if identity.uid is None:
            identity = replace(identity, uid=_session_uid())
        limits = replace(limits, cpus=min(limits.cpus, float(os.cpu_count() or 1)))
        group = ControlGroup.create(limits)
        with ExitStack() as on_failure:
            if leased is not None:
                on_failure.enter_context(self.store.lease(leased))
            if group is not None:
                on_failure.callback(group.close)
            channel = _launch(base, mounts, limits, group, identity)
            session = GuestSession(
                channel,
                identity=identity,
                limits=limits,
                variables=variables,
                configuration={**_configuration(limits, group, identity), "quota": quota},
                on_close=on_failure.pop_all().close,
            )
        try:
            _check(session, limits, group)
            session.unpack(source)
        except BaseException:
            session.close()
            raise
        return session


def _configuration(
    limits: Limits, group: ControlGroup | None, identity: MachineIdentity
) -> dict[str, Any]:
    configuration = watched(limits, identity.writable)
    if not _root_mode() and _counts_processes_by_namespace():
        rlimits = {"RLIMIT_NPROC": limits.processes, **configuration["rlimits"]}
        configuration = {**configuration, "rlimits": rlimits}
    if group is not None:
        # bubblewrap's tmpfs knows no limit on files, so the guest watches their number.
        configuration = {
            "rlimits": {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": limits.workspace_bytes},
            "watch": {"file_systems": list(identity.writable), "files": most_files(limits)},
        }
    if _root_mode():
        configuration |= {"uid": identity.uid, "own": list(identity.writable)}
    return configuration


def _check(session: GuestSession, limits: Limits, group: ControlGroup | None) -> None:
    limits_in_force = session.read_limits()
    if group is not None:
        limit_check.check_groups(limits_in_force, limits, limits.cpus)
    else:
        limit_check.check_rlimits(limits_in_force, limits)
    limit_check.check_file_systems(limits_in_force, limits, session.identity.writable)
    limit_check.check_privileges(limits_in_force)


def _launch(
    base: HostInterpreter,
    mounts: Sequence[str],
    limits: Limits,
    group: ControlGroup | None,
    identity: MachineIdentity,
) -> PipeChannel:
    with ExitStack() as stack:
        fds: list[int] = []

        def data(content: bytes) -> str:
            fd = _temporary(content)
            stack.callback(os.close, fd)
            fds.append(fd)
            return str(fd)

        argv = [_program(), *_namespaces(identity), *_system(), *_etc()]
        for path, text in _files(identity).items():
            argv += ["--perms", "0644", "--ro-bind-data", data(text.encode()), path]
        argv += _kernel(group)
        argv[1:1] = _parents(argv)
        # After /tmp, which any of these may lie in.
        mounts = [*_interpreter(base), *mounts]
        argv += [*_writable(limits, identity), *_parents(mounts), *mounts]
        for credential_file in credential_files(base.prefixes):
            argv += ["--perms", "0644", "--ro-bind-data", data(b""), str(credential_file)]
        program = seccomp.programs().get(platform.machine())
        if program is not None:
            argv += ["--seccomp", data(program)]
        argv += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", identity.own]
        argv += ["--", base.path, *INTERPRETER_FLAGS]
        return PipeChannel(
            group.enter(argv) if group else argv,
            env={"PATH": programs.search_path()},
            pass_fds=fds,
            oom_kills=group.oom_kills if group else lambda: 0,
        )


def _program() -> str:
    path = bwrap_program()
    if path is None:
        raise SandboxUnavailable("bubblewrap is not installed any more (no `bwrap` on PATH)")
    return path


def _temporary(content: bytes) -> int:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        fd = os.dup(file.fileno())
        os.lseek(fd, 0, os.SEEK_SET)
        return fd


def _files(identity: MachineIdentity) -> dict[str, str]:
    """Return what stands in `/etc` about this machine and its user."""
    user, host, uid = identity.user, identity.host, identity.uid
    user_entry = f"{user}:x:{uid}:{uid}:{user}:{identity.home}:/bin/sh"
    return {
        "/etc/passwd": "".join(f"{line}\n" for line in (*identity.accounts, user_entry)),
        "/etc/group": f"root:x:0:\n{user}:x:{uid}:\n",
        "/etc/hostname": f"{host}\n",
        "/etc/hosts": f"127.0.0.1 localhost {host}\n::1 localhost {host}\n",
    }


def _namespaces(identity: MachineIdentity) -> list[str]:
    argv = ["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try"]
    # Of a build, too: its only way out is `BuildNetwork`, over the guest's channel.
    argv += ["--unshare-net", "--hostname", identity.host]
    argv += ["--as-pid-1", "--new-session", "--clearenv"]
    # No --die-with-parent: it fires when the *thread* that opened the session ends. The guest
    # is PID 1 and ends with its input, and everything ends with PID 1.
    if _root_mode():
        # A user namespace would leave it the host's root to the files of /proc/sys.
        return [
            *argv,
            *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID"),
            *("--cap-add", "CAP_SETGID", "--cap-add", "CAP_CHOWN"),
        ]
    uid = str(identity.uid)
    return [*argv, "--unshare-user", "--uid", uid, "--gid", uid, "--cap-drop", "ALL"]


def _system() -> Iterable[str]:
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM_FOLDERS:
        path = Path("/") / name
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))


def _interpreter(base: HostInterpreter) -> Iterable[str]:
    for prefix in (*base.prefixes, "/nix/store"):
        if Path(prefix).is_dir() and not Path(prefix).is_relative_to("/usr"):
            yield from ("--ro-bind", prefix, prefix)


def _read_only(folders: Iterable[str]) -> list[str]:
    """Options that mount folders at the same path."""
    return [word for folder in folders for word in ("--ro-bind", folder, folder)]


def _etc() -> Iterable[str]:
    for name in ETC:
        source = Path("/etc") / name
        if source.exists():
            yield from ("--ro-bind", str(source.resolve()), str(source))


def _parents(argv: Sequence[str]) -> Iterable[str]:
    """Make the folders above each mount readable: bubblewrap makes them 0700."""
    folders = set()
    for option, _, target in zip(argv, argv[1:], argv[2:], strict=False):
        if option in ("--bind", "--ro-bind", "--ro-bind-try", "--ro-bind-data"):
            folders |= set(Path(target).parents)
    for folder in sorted(folders - {Path("/")}):
        yield from ("--perms", "0755", "--dir", str(folder))


def _kernel(group: ControlGroup | None) -> Iterable[str]:
    yield from ("--proc", "/proc", "--dev", "/dev")
    for name in ("sys", "sysrq-trigger"):
        yield from ("--ro-bind-try", f"/proc/{name}", f"/proc/{name}")
    for mount_point, folder in (group.folders if group else {}).items():
        yield from ("--ro-bind", str(folder), mount_point)


def _writable(limits: Limits, identity: MachineIdentity) -> Iterable[str]:
    if identity.own != WORKSPACE:
        for folder in reversed(Path(identity.own).parents[:-1]):
            yield from ("--perms", "0755", "--dir", str(folder))
    for path, size in sizes(limits, identity.own).items():
        yield from ("--perms", "1777", "--size", str(size), "--tmpfs", path)


def _counts_processes_by_namespace() -> bool:
    """Before Linux 5.14 RLIMIT_NPROC counted every process of the user, outside too."""
    numbers = re.match(r"(\d+)\.(\d+)", platform.release())
    return numbers is not None and (int(numbers[1]), int(numbers[2])) >= (5, 14)


def _session_uid() -> int:
    """The user of a new session. Without root there is but our own, which a namespace shows as
    `SANDBOX_UID`, and all sessions count as one."""
    return new_uid(users_here()) if _root_mode() else SANDBOX_UID


@functools.cache
def _root_mode() -> bool:
    """True where we are root with the right to mount, so no user namespace is needed."""
    if os.geteuid() != 0:
        return False
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("CapEff"))
    return bool(int(line.split()[1], 16) & CAP_SYS_ADMIN)
