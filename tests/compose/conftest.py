"""One composed service for all tests of this folder; they leave it whole for the next one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.deployment import Deployment


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """Up and ready, as docs/operations.md says; a skip where there is no Docker Compose."""
    asked = ["docker", "compose", "version", "--short"]
    if shutil.which("docker") is None:
        pytest.skip("Docker is not installed")
    if subprocess.run(asked, capture_output=True, check=False).returncode != 0:
        pytest.skip("`docker compose` is missing: https://docs.docker.com/compose/install/linux/")
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no Docker engine answers")
    with tempfile.TemporaryDirectory(prefix="compose-of-tests-") as folder:
        made = Deployment(Path(folder))
        made.prepare()
        try:
            made.compose("up", "--detach", "--build")
            made.wait_until_ready()
            create = ("repair", "tokens", "create", "tests", "--scope", "admin")
            made.token = made.compose("exec", "-T", "web", *create).stdout.strip()
            yield made
        except subprocess.CalledProcessError as error:
            pytest.fail(f"{error}\n{error.stderr[-4000:]}")
        finally:
            made.remove()
