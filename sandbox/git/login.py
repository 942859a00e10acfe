"""User and password in the URL of a repository: for the connection alone. No job, result, message
or argument list holds them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<rest>.*)", re.I | re.S)
_SHORT = re.compile(r"(?:[\w.+-]+@)?[\w.-]+:(?!//)(?P<path>.*)", re.S)
_SSH = ("ssh", "git+ssh", "ssh+git")
_ANY_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]")
AMBIGUOUS = (
    "it cannot be told where a user or a password in the URL ends: write @ as %40, / as %2F, "
    "? as %3F, # as %23, : as %3A and % as %25 in them, and @ as %40 elsewhere"
)
NO_QUERY = "leave out what follows ? or # in the URL; a branch or commit is given by itself"
LEAVE_OUT = (
    "it holds a user or a password, which the job would keep: leave them out, and give the worker "
    "access instead (a credential helper of its git)"
)
_HELPER = (
    '!repair_login() { test "$1" = get && '
    'printf \'username=%s\\npassword=%s\\n\' "$REPAIR_GIT_USER" "$REPAIR_GIT_PASSWORD"; }; '
    "repair_login"
)
"""A credential helper, as git starts it with its own shell."""


@dataclass(frozen=True, kw_only=True)
class Login:
    """How to log in where a repository is fetched from; never shown."""

    user: str = field(repr=False)
    password: str | None = field(repr=False)
    """None where the URL has none: git's own helpers are asked for it."""

    def variables(self, url: str) -> dict[str, str]:
        """Settings for git in its environment: for the host of `url` alone, wherever it redirects
        to, and asked before the user's own helpers, which learn nothing."""
        place = f"credential.{url}"
        settings = [(f"{place}.username", self.user)]
        secrets = {}
        if self.password is not None:
            settings = [(f"{place}.helper", ""), (f"{place}.helper", _HELPER)]
            secrets = {"REPAIR_GIT_USER": self.user, "REPAIR_GIT_PASSWORD": self.password}
        variables = {"GIT_CONFIG_COUNT": str(len(settings)), **secrets}
        for number, (key, value) in enumerate(settings):
            variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return variables


def split_login(target: str) -> tuple[str, Login | None]:
    """A target as it may be kept, and what its URL says of user and password. A folder, and the
    user of an ssh URL, stay as they are. Raises ValueError, whose sentence does not hold it."""
    check_target_url(target)
    match = _URL.match(target)
    login, at, _ = match["host"].rpartition("@") if match else ("", "", "")
    if match is None or not at or match["scheme"].lower() in _SSH:
        return without_login(target), None
    user, colon, password = login.partition(":")
    credentials = Login(user=unquote(user), password=unquote(password) if colon else None)
    if _UNSEEN.search(credentials.user + (credentials.password or "")):
        raise ValueError("the user or the password in the URL holds a control character")
    return without_login(target), credentials


def check_target_url(target: str) -> None:
    """Raises ValueError for a URL that may hold more than user and password where they belong."""
    if match := _URL.match(target):
        is_file = match["scheme"].lower() == "file"
        if not is_file and ("@" in match["rest"] or match["host"].count("@") > 1):
            raise ValueError(AMBIGUOUS)
        if not is_file and re.search("[?#]", match["rest"]):
            raise ValueError(NO_QUERY)
    elif (short := _SHORT.match(target)) and "@" in short["path"]:
        raise ValueError(AMBIGUOUS)


def kept_target(target: str) -> str:
    """A target that a queued job may keep. Raises ValueError."""
    if split_login(target)[0] != target:
        raise ValueError(LEAVE_OUT)
    return target


def without_logins(text: str) -> str:
    """A text without what stands for a user or a password in its URLs."""
    return _ANY_LOGIN.sub("", text)


def without_login(target: str) -> str:
    """The target without what may be a user or a password; of an ssh URL the user stays."""
    match = _URL.match(target)
    if match is None or "@" not in match["host"]:
        return target
    login, _, host = match["host"].rpartition("@")
    is_ssh = match["scheme"].lower() in _SSH
    user = f"{login.partition(':')[0]}@" if is_ssh else ""
    return f"{match['scheme']}://{user}{host}{match['rest']}"
