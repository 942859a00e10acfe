"""The service's own Redis, in a folder of any name."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import redis

from tests.support.services import free_port, missing
from workers.host.local_redis import local_redis

START_SECONDS = 30.0


@pytest.mark.parametrize(
    "name", ["Application Support", 'a "quoted" one', "back\\slash", "caf\u00e9"]
)
def test_it_starts_in_a_folder_of_any_name(name: str, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        missing("redis-server is not installed")
    part, url = local_redis(tmp_path / name, free_port())
    with subprocess.Popen(part.argv, stdout=subprocess.PIPE) as server:
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _answers(url):
                assert server.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            with redis.Redis.from_url(url) as client:
                assert client.config_get("dir")["dir"] == str(tmp_path / name)
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
