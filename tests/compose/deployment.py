"""The composed service as an operator starts it: a copy of the repository, a `docker/.env`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.docker_engine import BASE
from tests.support.services import free_port
from workers.client.http import HttpClient
from workers.errors import WorkersError
from workers.jobs.submission_form import SubmissionForm
from workers.jobs.view import JobView

TOP = Path(__file__).parents[2]
PARTS = ("web", "worker", "redis", "postgres")
SOCKET = Path("/var/run/docker.sock")
TARGET = "git://git/ledger.git"
"""The example, on the git server of git.yaml."""
COMPANY = Path("/usr/local/share/ca-certificates")
"""Where Debian keeps certificates that its administrator added."""
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
UP_SECONDS = 900.0
READY_SECONDS = 180.0
JOBS_SECONDS = 420.0
"""For a handful of jobs of some 20 s each, one of which may have to wait for its lease."""


@dataclass
class Deployment:
    """A project of its own name, port and passwords. Its images go with it."""

    folder: Path
    name: str = field(default_factory=lambda: f"repair-test-{secrets.token_hex(4)}")
    port: int = field(default_factory=free_port)
    token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def repository(self) -> Path:
        return self.folder / "repair"

    def prepare(self) -> None:
        """Copy what the images are made of, and write what docs/operations.md asks for."""
        leave = shutil.ignore_patterns("__pycache__", ".env", "github.env")
        for part in ("agent", "cli", "docker", "sandbox", "workers"):
            shutil.copytree(TOP / part, self.repository / part, ignore=leave)
        names = ("pyproject.toml", "README.md", "LICENSE", "requirements-service.lock")
        for name in (*names, ".dockerignore"):
            shutil.copy(TOP / name, self.repository)
        company = [*COMPANY.glob("*.crt")]
        for certificate in company:
            shutil.copy(certificate, self.repository / "docker" / "ca")
        (self.repository / "docker" / ".env").write_text(self._settings(bundle=bool(company)))
        self._make_example()

    def compose(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` and return what it said. Raises CalledProcessError."""
        files = ["docker/compose.yaml", "docker/compose.offline.yaml"]
        argv = ["docker", "compose", "--project-name", self.name]
        for file in [*files[: 2 if has_base() else 1], f"{TOP}/tests/compose/git.yaml"]:
            argv += ["--file", file]
        options = {"timeout": UP_SECONDS, "check": True, **options}
        environment = {**os.environ, "GIT_FOLDER": str(self.folder / "git")}
        return subprocess.run(
            [*argv, *words],
            cwd=self.repository,
            env=environment,
            capture_output=True,
            text=True,
            **options,
        )

    def shell(self, service: str, script: str) -> str:
        """What a script prints inside a part; its exit status is no matter."""
        words = ("exec", "-T", service, "bash", "-c", script)
        return self.compose(*words, check=False, timeout=120).stdout

    def inspect(self, service: str) -> Any:
        container = self.compose("ps", "--all", "--quiet", service).stdout.strip()
        said = subprocess.run(["docker", "inspect", container], capture_output=True, check=True)
        return json.loads(said.stdout)[0]

    def submit(self, key: str) -> str:
        form = SubmissionForm(target=TARGET, max_seconds=300)
        with self._client() as client:
            return client.submit(form, key).job.id

    def jobs(self, ids: list[str]) -> list[JobView]:
        with self._client() as client:
            return [job for job in client.jobs(limit=100) if job.id in ids]

    def _client(self) -> closing[HttpClient]:
        return closing(HttpClient(self.url, self.token))

    def wait(self, what: str, seconds: float, holds: Callable[[], bool]) -> None:
        """Until `holds`; while the service is away it does not."""
        deadline = time.monotonic() + seconds
        while True:
            with suppress(WorkersError):
                if holds():
                    return
            if time.monotonic() > deadline:
                logs = self.compose("logs", "--tail", "30", check=False).stdout
                raise AssertionError(f"not within {seconds:g} s: {what}\n{logs}")
            time.sleep(0.5)

    def wait_until_ready(self) -> None:
        self.wait("/readyz says 200", READY_SECONDS, lambda: self.asked("/readyz") == 200)

    def asked(self, path: str, **headers: str) -> int:
        """The status that the web process answers with; 0 for no answer."""
        try:
            return httpx.get(f"{self.url}{path}", headers=headers, timeout=30).status_code
        except httpx.TransportError:
            return 0

    def remove(self) -> None:
        """Containers, networks, volumes and the images built for them."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "60", check=False)
        images = [f"repair-{part}:{self.name}" for part in ("service", "redis", "postgres")]
        subprocess.run(["docker", "image", "rm", *images], capture_output=True, check=False)

    def _settings(self, *, bundle: bool) -> str:
        networks = subprocess.check_output(["docker", "network", "ls", "-q", "-f", "name=^bridge$"])
        settings = {
            "POSTGRES_PASSWORD": secrets.token_hex(24),
            "REDIS_PASSWORD": secrets.token_hex(24),
            "DOCKER_GROUP": str(SOCKET.stat().st_gid),
            "REPAIR_PUBLISH": f"127.0.0.1:{self.port}",
            "REPAIR_VERSION": self.name,
            "REPAIR_WORKER_NAME": self.name,
            "REPAIR_WORKER_PROCESSES": "1",  # one job runs, the other waits
            "REPAIR_BUILD_NETWORK": "default" if networks.strip() else "host",
            **({"REPAIR_CA_BUNDLE": BUNDLE} if bundle else {}),
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _make_example(self) -> None:
        source, git = self.folder / "ledger", self.folder / "git"
        shutil.copytree(TOP / "examples" / "ledger", source)
        author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
        for words in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "Ledger"]):
            subprocess.run(["git", *words], cwd=source, check=True)
        bare = ["git", "clone", "-q", "--bare", str(source), str(git / "ledger.git")]
        subprocess.run(bare, check=True)
        for folder in (self.folder, git):  # a container's user is to read them
            folder.chmod(0o755)


def has_base() -> bool:
    """Whether the images are to be built on the base that `docker/offline-base.sh` made."""
    look = ["docker", "image", "inspect", BASE]
    return subprocess.run(look, capture_output=True, check=False).returncode == 0
