"""A Docker engine of a test's own, which may be stopped: the machine's other containers stay."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.services import missing

BASE = "repair-base:bookworm"
"""What `docker/offline-base.sh` makes."""
START_SECONDS = 60.0


@dataclass
class Engine:
    """dockerd on a socket in `folder`. Needs root. It reaches no network but the host's."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/docker.sock"

    def start(self) -> None:
        (self.folder / "pid").unlink(missing_ok=True)
        options = ["--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec"]
        options += ["--host", self.url, "--pidfile", f"{self.folder}/pid"]
        options += ["--iptables=false", "--ip6tables=false", "--bridge=none", "--ip-masq=false"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        return self._docker("version").returncode == 0

    def containers(self) -> list[str]:
        """Those that run. Empty while the engine is away."""
        return self._docker("ps", "--quiet").stdout.split()

    def load(self, image: str) -> bool:
        """Have an image from the machine's engine; False where that lacks it."""
        copy = self.folder / "image.tar"
        if subprocess.run(["docker", "save", "-o", copy, image], check=False).returncode != 0:
            return False
        self._docker("load", "--input", str(copy)).check_returncode()
        copy.unlink()
        return True

    def stop(self) -> None:
        """Politely: it ends its containers first."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def kill(self) -> None:
        """As a crash: it leaves everything as it is."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End the engine and all it runs."""
        if self.process is None:
            self.start()
        if running := self.containers():
            self._docker("kill", *running)
        self.stop()
        for line in Path("/proc/mounts").read_text().splitlines():  # what a killed one left
            if (place := line.split()[1]).startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = ["docker", "--host", self.url, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)


@contextmanager
def running_engine() -> Iterator[Engine]:
    """One with no image; a skip where this user or machine cannot have it."""
    if shutil.which("dockerd") is None:
        missing("Docker is not installed (Debian: apt-get install docker.io)")
    if os.geteuid() != 0:
        pytest.skip("only root can start a second Docker engine")
    # The address of a socket may have 107 bytes; pytest's folders take most of them.
    engine = Engine(Path(tempfile.mkdtemp(prefix="engine-of-tests-", dir="/tmp")))
    try:
        engine.start()
        yield engine
    finally:
        engine.close()
