"""`repair service up` as its user sees it: one line once it is ready, and the rest in its logs."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND
from tests.support.github_case import wait_until
from tests.support.services import free_port, missing

SECONDS = 240.0


@pytest.mark.slow
def test_one_line_says_that_it_is_ready(surroundings: dict[str, str], tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        missing("redis-server is not installed")
    port, told = free_port(), tmp_path / "told"
    own = {
        "REPAIR_LISTEN_PORT": str(port),
        "REPAIR_REDIS_PORT": str(free_port()),
        "DOCKER_HOST": "unix:///nowhere",  # the sandbox is then bubblewrap
    }
    variables = {key: value for key, value in surroundings.items() if key != "REPAIR_REDIS_URL"}
    with told.open("wb") as stream:
        process = subprocess.Popen(
            [*COMMAND, "service", "up"], env={**variables, **own}, stdout=stream, stderr=stream
        )
    try:
        wait_until(lambda: "Ready: " in told.read_text() or process.poll() is not None, SECONDS)
        assert process.poll() is None, told.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(90)
    assert code == 0
    logs = tmp_path / "state" / "service"
    # On a machine that is busy with other things it also says for what it waits.
    (line,) = [one for one in told.read_text().splitlines() if not one.startswith("Not ready")]
    assert line.startswith(f"Ready: http://127.0.0.1:{port} (`repair submit REPO --wait` queues")
    assert line.endswith(f"logs: {logs})")
    assert {path.name for path in logs.iterdir()} == {
        f"{name}.log" for name in ("redis", "web", "sweeper", "worker")
    }
