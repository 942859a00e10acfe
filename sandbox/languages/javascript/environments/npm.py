"""Runs npm in the install stage, and keeps what it installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.base import CommandResult, EnvironmentBuilder
from sandbox.environments.install_command import InstallCommands
from sandbox.errors import InstallFailed
from sandbox.host.heartbeat import INTERVAL_SECONDS
from sandbox.host.untrusted_json import read_json
from sandbox.languages.javascript.environments.package_manager import PackageManager
from sandbox.languages.javascript.environments.recipe import Recipe
from sandbox.languages.javascript.environments.toolchain import NodeInstallation

_FULL = ("enospc",)
_SHORT_SECONDS = 300.0
_VARIABLES = {
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "npm_config_progress": "false",
    "npm_config_loglevel": "error",
    "npm_config_cache": "/tmp/.npm-cache",  # noqa: S108 - inside, and of this build only
    "HUSKY": "0",
    "ADBLOCK": "1",
    "DISABLE_OPENCOLLECTIVE": "1",
    "PUPPETEER_SKIP_DOWNLOAD": "1",
    "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    "CYPRESS_INSTALL_BINARY": "0",
}
"""No questions, no news, no browsers of hundreds of megabytes."""
_MANAGER = "/tmp/.package-manager"  # noqa: S108 - inside, and of this build only
_MANAGER_VARIABLES = {
    "CI": "true",
    "npm_config_store_dir": "/tmp/.pnpm-store",  # noqa: S108 - likewise
    "npm_config_manage_package_manager_versions": "false",
    "COREPACK_ENABLE_STRICT": "0",
    "YARN_CACHE_FOLDER": "/tmp/.yarn-cache",  # noqa: S108 - likewise
    "YARN_GLOBAL_FOLDER": "/tmp/.yarn",  # noqa: S108 - likewise
    "YARN_IGNORE_PATH": "1",
    "YARN_NODE_LINKER": "node-modules",
    "YARN_ENABLE_TELEMETRY": "0",
}
"""No program of the repository's own in its place, no other release than the one chosen."""
# yarn from version 2 on reads no variable of a proxy but its own.
_START_MANAGER = (
    'exec env ${HTTP_PROXY:+YARN_HTTP_PROXY="$HTTP_PROXY"} '
    '${HTTPS_PROXY:+YARN_HTTPS_PROXY="$HTTPS_PROXY"} "$@"'
)
_DISAGREES = "can only install packages when your package.json and"
_CONFLICT = "ERESOLVE"
_ERRORS = ("npm ERR!", "npm error", "ERR_PNPM", "error ", "➤ YN0028", "➤ YN0001", "Usage Error")

# Links of npm to folders of the project are relative to where it put them; they are to hold where
# the packages lie in later sessions. Below the place of the top's packages lie those of members, so
# that they find these as they do in the project.
_KEEP = r"""
import json, os, shutil, sys
prefix, below, members = sys.argv[1], sys.argv[2], sys.argv[3:]
def here(folder):
    return os.path.join(os.getcwd(), folder, "node_modules")
kept = [f for f in (*members, "") if os.path.isdir(here(f)) and not os.path.islink(here(f))]
for member in kept:
    inside = os.path.realpath(here(member)) + os.sep
    groups = [n for n in os.listdir(here(member)) if n.startswith("@") or n == ".bin"]
    for folder in [here(member)] + [os.path.join(here(member), n) for n in groups]:
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            target = os.path.realpath(path)
            if os.path.islink(path) and not target.startswith(inside):
                os.unlink(path)
                os.symlink(target, path)
for member in kept:
    place = os.path.join(prefix, below, member) if member else prefix
    os.makedirs(place, exist_ok=True)
    shutil.copytree(here(member), os.path.join(place, "node_modules"), symlinks=True)
for member in kept:
    shutil.rmtree(here(member), ignore_errors=True)
print(json.dumps(kept))
"""
MEMBERS = "members"
"""Folder of an environment for the packages of the members of a workspace."""


@dataclass
class Npm:
    """The steps of one build."""

    builder: EnvironmentBuilder
    python: str
    node: NodeInstallation
    say: Callable[[str], None]
    left_out: list[str] = field(default_factory=list)
    """What could not be installed and was not waited for, one sentence each."""
    beat_seconds: float = INTERVAL_SECONDS
    """How often it is said that a command goes on."""

    @property
    def _commands(self) -> InstallCommands:
        return InstallCommands(self.builder, self.say, "packages", _FULL, self.beat_seconds)

    def place_programs(self) -> None:
        """Put `python` and `node` into the environment: its folder comes first on PATH."""
        script = 'mkdir -p "$1/bin" && ln -sf "$2" "$1/bin/python" && ln -sf "$3" "$1/bin/node"'
        argv = ["sh", "-c", script, "sh", self.builder.prefix, self.python, self.node.path]
        result = self.builder.session.run(argv, timeout_seconds=_SHORT_SECONDS)
        if not result.ok:
            raise self._commands.failed("making the environment", result)

    def install(self, recipe: Recipe) -> None:
        """Install the recipe. Raises InstallFailed, EnvironmentTooLarge, DiskFull."""
        if recipe.command is not None:
            self.say(f"installing: {recipe.command}")
            result = self._run(["sh", "-c", recipe.command])
            if not result.ok:
                raise self._commands.failed(f"`{recipe.command}`", result)
            return
        if not self.node.npm:
            raise InstallFailed(
                "there is no npm beside Node; install one, or name another way with --install"
            )
        self._npm(recipe)

    def _npm(self, recipe: Recipe) -> None:
        if recipe.manager is not None and self._by(recipe.manager):
            return
        how = ("ci",) if recipe.locked else ("install", "--no-package-lock")
        if recipe.member:
            chosen = (*how, f"--workspace={recipe.member}", "--include-workspace-root")
            if self._attempt(*chosen).ok:
                return
            self._run(["rm", "-rf", "node_modules"])
        result = self._attempt(*how)
        if not result.ok and recipe.locked and _DISAGREES in result.stderr + result.stdout:
            self.left_out.append(
                "package-lock.json disagrees with package.json: npm chose the versions"
            )
            how = ("install", "--no-package-lock")
            result = self._attempt(*how)
        if not result.ok and _CONFLICT in result.stderr + result.stdout:
            how = (*how, "--legacy-peer-deps")
            result = self._attempt(*how)
        if not result.ok:
            first = result
            result = self._attempt(*how, "--ignore-scripts")
            if not result.ok:
                raise self._commands.failed("npm " + " ".join(how), first)
            self.left_out.append(f"install scripts failed, and none was run: {_cause(first)}")

    def _by(self, manager: PackageManager) -> bool:
        """Have another package manager install what its lock file says. Whether it did; where it
        did not, npm chooses the versions, and that is said."""
        self.say(f"{manager.package} {' '.join(manager.arguments)}")
        fetch = ("npm", "install", "--prefix", _MANAGER, "--no-package-lock", "--ignore-scripts")
        result = self._run([*fetch, manager.package])
        if result.ok:
            program = f"{_MANAGER}/node_modules/.bin/{manager.program}"
            argv = ["sh", "-c", _START_MANAGER, "sh", program, *manager.arguments]
            result = self._run(argv, _MANAGER_VARIABLES)
        if result.ok:
            return True
        self._run(["rm", "-rf", "node_modules"])
        self.left_out.append(
            f"npm chose the versions, since {manager.package} failed: {_cause(result)}"
        )
        return False

    def _attempt(self, *arguments: str) -> CommandResult:
        self.say(f"npm {' '.join(arguments)}")
        return self._run(["npm", *arguments, "--include=dev", "--no-audit", "--no-fund"])

    def _run(
        self, argv: Sequence[str], variables: Mapping[str, str] | None = None
    ) -> CommandResult:
        return self._commands.run(argv, {**_VARIABLES, **(variables or {})})

    def keep_packages(self, members: Sequence[str]) -> tuple[str, ...]:
        """Move `node_modules` into the environment, of the top (`""`) and of these members of its
        workspace. Those that have one."""
        result = self.builder.session.run(
            [self.python, "-I", "-S", "-c", _KEEP, self.builder.prefix, MEMBERS, *members],
            timeout_seconds=_SHORT_SECONDS,
        )
        if not result.ok:
            raise self._commands.failed("keeping the packages", result)
        return folders_kept(result.stdout, members)


def folders_kept(text: str, members: Sequence[str]) -> tuple[str, ...]:
    """Which of the members, and of the top (`""`), a list in JSON names: others wrote it."""
    try:
        named = read_json(text, lambda value: isinstance(value, list))
    except ValueError:
        return ()
    return tuple(folder for folder in ("", *members) if folder in named)


def _cause(result: CommandResult) -> str:
    """The line of npm's output that says why."""
    lines = [line.strip() for line in (result.stdout + "\n" + result.stderr).splitlines()]
    errors = [line for line in lines if line.startswith(_ERRORS)]
    return (errors or [line for line in lines if line] or ["it said nothing"])[0][:200]
