"""Which machine a sandbox claims to be: the marks by which code could tell where it runs."""

from __future__ import annotations

import pwd
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

WORKSPACE = "/workspace"
TEMPORARY = "/tmp"  # noqa: S108 - inside, and of one session only
SHARED_MEMORY = "/dev/shm"  # noqa: S108
_RANDOM = secrets.SystemRandom()
_ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "w",
    "br",
    "st",
)
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ee", "ou")
_CODAS = ("", "", "", "n", "r", "s", "l", "m", "ck", "th")
_HOMES = ("/home/{user}", "/home/{user}", "/home/{user}", "/var/lib/{user}", "/srv/{user}")
_PLACES = (
    "{name}",
    "src/{name}",
    "projects/{name}",
    "code/{word}/{name}",
    "dev/{name}",
    "work/{name}/{name}",
    "git/{word}/{name}",
    "Documents/{name}",
    "repos/{name}",
    "builds/{word}/{name}",
)
_HOSTS = (
    "{word}",
    "{word}-laptop",
    "{word}-desktop",
    "{word}{number}",
    "ip-10-{number}-{number}-{number}",
    "runner-{hex}",
    "{hex}",
    "{word}-{word}-{number}",
)
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
_MAIN = "#!/usr/bin/env python3\nfrom {name} import main\n\nmain()\n"
_OF_THE_SYSTEM = ("/usr", "/usr/local", "/")
_SHELLS = ("/bin/bash", "/bin/sh", "/usr/bin/zsh", "/usr/bin/fish")
_TERMINALS = ("xterm-256color", "xterm", "screen", "screen-256color", "tmux-256color", "linux")
_LEFTOVERS = ("{word}.log", "{word}-{hex}", "tmp{hex}", "{word}_{number}.txt", ".{word}.lock")
"""What programs leave in the folder of temporary files."""
_EDITORS = ("vim", "nano", "emacs", "vi")
_PROGRAMS = (
    ("{home}/.local/bin/{word}",),
    ("{home}/.local/bin/gunicorn", "-w", "4", "{word}:app"),
    ("{home}/{word}/main.py",),
    ("{home}/{word}/manage.py", "shell"),
    ("{home}/bin/{word}", "--verbose"),
    ("{home}/bin/{word}.py", "--config", "{word}.toml"),
    ("{home}/.local/bin/ipython",),
)
_ENVIRONMENTS = (
    "{home}/.venvs/{word}",
    "{home}/.virtualenvs/{name}",
    "{home}/.cache/pypoetry/virtualenvs/{name}-{hex}",
    "{home}/env",
    "{home}/.local/share/virtualenvs/{name}-{hex}",
)
_PATHS = (
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "{home}/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games",
    "{home}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin:/snap/bin",
)
_SYSTEM = (
    ("daemon", 1, "/usr/sbin"),
    ("bin", 2, "/bin"),
    ("sys", 3, "/dev"),
    ("games", 5, "/usr/games"),
    ("man", 6, "/var/cache/man"),
    ("mail", 8, "/var/mail"),
    ("www-data", 33, "/var/www"),
    ("backup", 34, "/var/backups"),
    ("nobody", 65534, "/nonexistent"),
)
_UIDS = (1000, 59999)
"""What distributions give to people, where a service account would have less."""
_GIT = {
    "HEAD": "ref: refs/heads/{branch}\n",
    "config": (
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
        "\tlogallrefupdates = true\n"
    ),
    "description": "Unnamed repository; edit this file 'description' to name the repository.\n",
    "index": "DIRC\0\0\0\2" + "\0" * 24,
    "objects/info/packs": "P pack-{commit}.pack\n",
    "info/exclude": "# git ls-files --others --exclude-from=.git/info/exclude\n",
    "refs/heads/{branch}": "{commit}\n",
    "logs/HEAD": "{zero} {commit} {user} <{user}@{host}> {time} +0000\tclone\n",
}


@dataclass(frozen=True, kw_only=True)
class MachineIdentity:
    """The marks of one sandbox. The defaults are those of every sandbox in which tests run."""

    workspace: str = WORKSPACE
    home: str = TEMPORARY
    user: str = "repair"
    host: str = "sandbox"
    uid: int | None = None
    """User and group; None where the sandbox chooses."""
    system_path: str = SYSTEM_PATH
    temporary: str | None = TEMPORARY
    """What `TMPDIR` says; None where it is not set."""
    environment: str = ""
    """Another name for the folder of the interpreter's environment; empty for none."""
    accounts: tuple[str, ...] = ("root:x:0:0:root:/:/bin/false",)
    """Lines of the password file beside the user's own, where the sandbox has one to give."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """More environment variables, harmless ones."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Files beside the project's: those of a checkout, by their path in the workspace, and the
    program that seems to run."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Symbolic links → where they lead."""
    arguments: tuple[str, ...] = ("-c",)
    """What `sys.argv` says in a program that runs the code and no test."""
    first_pid: int = 0
    """At least so many processes seem to have been started before."""
    age_seconds: int = 0
    """How long ago the oldest file seems to have been changed; 0 leaves times alone."""

    @property
    def own(self) -> str:
        """The file system that holds the workspace."""
        return self.home if self.workspace.startswith(self.home + "/") else self.workspace

    @property
    def writable(self) -> tuple[str, str, str]:
        """Paths inside that are writable file systems of their own."""
        return (self.own, TEMPORARY, SHARED_MEMORY)

    def python(self, path: str) -> str:
        """The interpreter at `path`, by the other name of its environment."""
        pure = PurePosixPath(path)
        if not self.environment or str(pure.parent.parent) in _OF_THE_SYSTEM:
            return path
        return f"{self.environment}/bin/{pure.name}"

    def around(self, python: str) -> MachineIdentity:
        """This identity around an environment whose interpreter is at `python`."""
        if self.python(python) == python:
            return replace(self, environment="")
        return replace(self, links={self.environment: str(PurePosixPath(python).parent.parent)})

    @property
    def configuration(self) -> dict[str, Any]:
        """The part of this identity that the guest sets up inside, as JSON."""
        return {
            "workspace": self.workspace,
            "links": dict(self.links),
            "first_pid": self.first_pid,
            "age": self.age_seconds,
        }

    @classmethod
    def random(cls, name: str) -> MachineIdentity:
        """A developer's or a build machine, another one each time, that works on the project
        `name`. Nothing in it is the same as where tests run."""
        user, host = _word(), _filled(_RANDOM.choice(_HOSTS))
        home = _RANDOM.choice(_HOMES).format(user=user)
        folder = re.sub(r"[^A-Za-z0-9._-]", "-", name).strip("-.") or _word()
        project_folder = _filled(_RANDOM.choice(_PLACES), name=folder)
        program = tuple(_filled(pattern, home=home) for pattern in _RANDOM.choice(_PROGRAMS))
        return cls(
            workspace=f"{home}/{project_folder}",
            home=home,
            user=user,
            host=host,
            uid=_unused_uid(),
            system_path=_filled(_RANDOM.choice(_PATHS), home=home),
            temporary=None,
            environment=_filled(_RANDOM.choice(_ENVIRONMENTS), home=home, name=folder),
            accounts=_accounts(),
            variables=_variables(user, home),
            files={
                **_checkout(user, host),
                **_leftovers(),
                program[0]: _MAIN.format(name=folder),
            },
            arguments=program,
            first_pid=_RANDOM.randint(1200, 6000),
            age_seconds=_RANDOM.randint(20, 600) * 86_400,
        )


def _word() -> str:
    syllables = _RANDOM.randint(2, 3)
    return "".join(
        _RANDOM.choice(_ONSETS) + _RANDOM.choice(_VOWELS) + _RANDOM.choice(_CODAS)
        for _ in range(syllables)
    )


def _filled(pattern: str, **values: str) -> str:
    """Fill a pattern; each `{word}` and `{number}` is another one."""

    def fill(match: re.Match[str]) -> str:
        kind = match[1]
        if kind in values:
            return values[kind]
        if kind == "number":
            return str(_RANDOM.randint(2, 254))
        return secrets.token_hex(6) if kind == "hex" else _word()

    return re.sub(r"\{(\w+)\}", fill, pattern)


def _variables(user: str, home: str) -> dict[str, str]:
    language = _RANDOM.choice(("en_US", "en_GB", "de_DE", "fr_FR", "pl_PL", "pt_BR", "ja_JP"))
    candidates = {
        "SHELL": _RANDOM.choice(_SHELLS),
        "LOGNAME": user,
        "EDITOR": _RANDOM.choice(_EDITORS),
        "MAIL": f"/var/mail/{user}",
        "SHLVL": str(_RANDOM.randint(1, 3)),
        "HISTSIZE": str(_RANDOM.choice((1000, 2000, 10_000))),
        "XDG_SESSION_ID": str(_RANDOM.randint(1, 60)),
        "SSH_AGENT_PID": str(_RANDOM.randint(900, 30_000)),
        "OLDPWD": home,
        "LESSCLOSE": "/usr/bin/lesspipe %s %s",
    }
    names = _RANDOM.sample(sorted(candidates), _RANDOM.randint(6, len(candidates) - 1))
    shell = {"PWD": home, "TERM": _RANDOM.choice(_TERMINALS)}  # as each has that is typed into
    # What counts is the last one: only some languages are there.
    return {
        "LANG": f"{language}.UTF-8",
        "LC_ALL": "C.UTF-8",
        **shell,
        **{name: candidates[name] for name in names},
    }


def _leftovers() -> dict[str, str]:
    """Files of others in the folder of temporary files, which is empty where tests run."""
    patterns = _RANDOM.choices(_LEFTOVERS, k=_RANDOM.randint(2, 6))
    return {f"{TEMPORARY}/{_filled(pattern)}": f"{_word()}\n" for pattern in patterns}


def _accounts() -> tuple[str, ...]:
    """User accounts as any machine has them: of the system, of the person who installed it, of some
    service."""
    lines = [f"{name}:x:{uid}:{uid}:{name}:{home}:/usr/sbin/nologin" for name, uid, home in _SYSTEM]
    owner = _word()
    lines.append(f"{owner}:x:1000:1000:{owner},,,:/home/{owner}:/bin/bash")
    lines += [f"_{_word()}:x:{uid}:{uid}::/nonexistent:/bin/false" for uid in (102, 104)]
    return ("root:x:0:0:root:/root:/bin/bash", *lines)


def _checkout(user: str, host: str) -> dict[str, str]:
    """The folder of a git repository without any history."""
    values = {
        "branch": _RANDOM.choice(("main", "master", "develop", f"fix-{_word()}")),
        "commit": secrets.token_hex(20),
        "zero": "0" * 40,
        "user": user,
        "host": host,
        "time": str(_RANDOM.randint(1_600_000_000, 1_750_000_000)),
    }
    return {
        f".git/{_filled(path, **values)}": _filled(text, **values) for path, text in _GIT.items()
    }


def _unused_uid() -> int:
    """A user id that nobody has on this machine: limits that the kernel counts by user are shared
    with no one."""
    while True:
        uid = _RANDOM.randint(*_UIDS)
        try:
            pwd.getpwuid(uid)
        except KeyError:
            return uid
