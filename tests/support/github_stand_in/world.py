"""What the stand-in knows: accounts, repositories, issues, tokens, and what was written."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

BOT_ID = 4242
LEVEL = {"read": 1, "write": 2, "admin": 3}


class Refused(Exception):
    """An answer that is an error."""

    def __init__(
        self, status: int, message: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"message": message, **more}


@cache
def _pem() -> str:
    """One key for all tests: making one takes a while."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        .decode()
    )


@dataclass
class Token:
    repositories: frozenset[str]
    permissions: dict[str, str]
    expires_at: float


@dataclass
class Repo:
    """One repository, its git folder, and all that was said in it."""

    name: str
    folder: Path
    default_branch: str = "main"
    private: bool = True
    permissions: dict[str, str] = field(default_factory=dict)
    """Login → role; whoever is not here has `read` in a public repository, else nothing."""
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    reviews: dict[int, dict[str, Any]] = field(default_factory=dict)
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)
    reactions: set[tuple[str, int, str]] = field(default_factory=set)

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *words], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Refused(422, f"git: {done.stderr.strip()}")
        return done.stdout.strip()

    def tip(self, branch: str) -> str | None:
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}")
        except Refused:
            return None

    def has(self, commit: str) -> bool:
        try:
            self.git("cat-file", "-e", f"{commit}^{{commit}}")
        except Refused:
            return False
        return True


class World:
    """Everything. One lock: requests are served one after another."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.ids = itertools.count(1000)
        self.app_id = 77
        self.slug = "repair-test"
        self.private_key = _pem()
        self.public_key = load_pem_private_key(self.private_key.encode(), None).public_key()
        self.webhook_secret = secrets.token_hex(16)
        self.permissions = {
            "actions": "read",
            "checks": "write",
            "contents": "write",
            "issues": "write",
            "metadata": "read",
            "pull_requests": "write",
        }
        self.repos: dict[str, Repo] = {}
        self.installed: set[str] = set()
        self.users: dict[str, int] = {f"{self.slug}[bot]": BOT_ID}
        self.tokens: dict[str, Token] = {}
        self.personal: dict[str, tuple[str, Token]] = {}
        self.token_seconds = 3600.0
        self.drafts = True
        self.remaining = 5000
        self.calls: list[tuple[str, str]] = []
        self.not_modified = 0
        self.answers: list[Callable[[str, str], Refused | None]] = []
        """Asked before each call; what one returns is the answer."""
        self.cut_after: Callable[[str, str], bool] = lambda method, path: False
        """For calls where it is true, the work is done and the connection dies unanswered."""
        self.hook_deliveries: list[dict[str, Any]] = []
        self.conversions: dict[str, dict[str, Any]] = {}

    # -- setting the scene --------------------------------------------------------------

    def add_repo(self, name: str, files: dict[str, str], *, private: bool = True) -> Repo:
        folder = self.root / f"{name}.git"
        folder.mkdir(parents=True)
        git = ["git", "-C", str(folder)]
        subprocess.run([*git, "init", "--quiet", "--bare", "-b", "main"], check=True)
        for key, value in (
            ("http.receivepack", "true"),
            ("uploadpack.allowReachableSHA1InWant", "true"),
            ("gc.auto", "0"),
        ):
            subprocess.run([*git, "config", key, value], check=True)
        repo = self.repos[name.lower()] = Repo(name=name, folder=folder, private=private)
        self.installed.add(name.lower())
        self.commit(repo, "main", files, "First")
        return repo

    def commit(
        self, repo: Repo, branch: str, files: dict[str, str], message: str, *, start: str = ""
    ) -> str:
        """Commit files onto a branch of the bare repository, as a push of somebody would."""
        index = {"GIT_INDEX_FILE": str(repo.folder / f"index-{secrets.token_hex(4)}")}
        who = {
            f"GIT_{a}_{b}": "dev@example.org"
            for a in ("AUTHOR", "COMMITTER")
            for b in ("NAME", "EMAIL")
        }
        env = {"PATH": "/usr/bin:/bin", **index, **who}

        def git(*words: str, stdin: str = "") -> str:
            done = subprocess.run(
                ["git", "-C", str(repo.folder), *words],
                input=stdin,
                env=env,
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout.strip()

        parent = repo.tip(branch) or (repo.tip(start) if start else None)
        if parent:
            git("read-tree", parent)
        for path, content in files.items():
            blob = git("hash-object", "-w", "--stdin", stdin=content)
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        parents = ["-p", parent] if parent else []
        made = git("commit-tree", git("write-tree"), *parents, "-m", message)
        git("update-ref", f"refs/heads/{branch}", made)
        return made

    def add_user(self, login: str, repo: Repo, role: str | None) -> int:
        number = self.users.setdefault(login, 100 + len(self.users))
        if role is not None:
            repo.permissions[login] = role
        return number

    def add_issue(self, repo: Repo, title: str, body: str, author: str) -> dict[str, Any]:
        number = 1 + len(repo.issues) + len(repo.pulls)
        repo.issues[number] = {
            "number": number,
            "title": title,
            "body": body,
            "state": "open",
            "user": self.user(author),
        }
        return repo.issues[number]

    def add_pull(
        self, repo: Repo, *, head: str, base: str, author: str, fork: str | None = None
    ) -> dict[str, Any]:
        """A pull request from a branch; `fork` names the repository the branch is said to be in."""
        number = 1 + len(repo.issues) + len(repo.pulls)
        home = fork or repo.name
        repo.pulls[number] = {
            "number": number,
            "title": head,
            "body": "",
            "state": "open",
            "draft": False,
            "user": self.user(author),
            "html_url": f"https://example.org/{repo.name}/pull/{number}",
            "head": {"ref": head, "repo": {"full_name": home, "default_branch": "main"}},
            "base": {"ref": base, "repo": {"full_name": repo.name, "default_branch": "main"}},
        }
        self.refresh_pull(repo, number)
        return repo.pulls[number]

    def refresh_pull(self, repo: Repo, number: int) -> None:
        pull = repo.pulls[number]
        for side in ("head", "base"):
            pull[side]["sha"] = repo.tip(pull[side]["ref"]) or pull[side].get("sha", "")
        repo.git("update-ref", f"refs/pull/{number}/head", pull["head"]["sha"])

    def add_personal_token(self, login: str, repo: Repo, permissions: dict[str, str]) -> str:
        value = f"github_pat_{secrets.token_hex(20)}"
        token = Token(frozenset({repo.name.lower()}), permissions, time.time() + 9999)
        self.personal[value] = (login, token)
        return value

    def user(self, login: str) -> dict[str, Any]:
        return {"login": login, "id": self.users.setdefault(login, 100 + len(self.users))}

    # -- who calls ----------------------------------------------------------------------

    def need_app(self, authorization: str) -> None:
        """A JSON web token of the App, as strictly as GitHub takes it."""
        kind, _, value = authorization.partition(" ")
        if kind.lower() != "bearer":
            raise Refused(401, "A JSON web token could not be decoded")
        try:
            claims = jwt.decode(value, self.public_key, algorithms=["RS256"])
        except jwt.PyJWTError as error:
            raise Refused(401, f"A JSON web token could not be decoded: {error}") from error
        if str(claims.get("iss")) != str(self.app_id):
            raise Refused(401, "'Issuer' claim ('iss') must be the App's id")
        if claims["exp"] - time.time() > 600:
            raise Refused(401, "'Expiration time' claim ('exp') is too far in the future")

    def mint(self, repositories: list[str], permissions: dict[str, str]) -> dict[str, Any]:
        names = {
            f"{name.partition('/')[0]}/{wanted}".lower()
            for name in self.installed
            for wanted in repositories
        }
        granted = frozenset(names & self.installed)
        if len(granted) < len(repositories):
            raise Refused(422, "There is at least one repository that does not exist")
        for name, level in permissions.items():
            if LEVEL[level] > LEVEL.get(self.permissions.get(name, ""), 0):
                raise Refused(422, "The permissions requested are not granted to this installation")
        value = f"ghs_{secrets.token_hex(18)}"
        expires = time.time() + self.token_seconds
        self.tokens[value] = Token(granted, {"metadata": "read", **permissions}, expires)
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires))
        return {"token": value, "expires_at": at, "permissions": permissions}

    def expire_tokens(self) -> None:
        for token in self.tokens.values():
            token.expires_at = 0.0

    def token_of(self, value: str) -> tuple[str, Token]:
        """Login and token of a bearer. Raises Refused(401)."""
        if value in self.personal:
            return self.personal[value]
        token = self.tokens.get(value)
        if token is None or token.expires_at < time.time():
            raise Refused(401, "Bad credentials")
        return f"{self.slug}[bot]", token

    def need(self, value: str, name: str, permission: str, level: str) -> tuple[str, Repo]:
        """The repository, if the token may do that there: 404 for what it may not see."""
        login, token = self.token_of(value)
        repo = self.repos.get(name.lower())
        if repo is None or repo.name.lower() not in token.repositories:
            raise Refused(404, "Not Found")
        choices = permission.split("|")
        if not any(LEVEL.get(token.permissions.get(p, ""), 0) >= LEVEL[level] for p in choices):
            raise Refused(403, "Resource not accessible by integration")
        return login, repo
