"""A real headless Chromium, driven over the DevTools protocol.

https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

WAIT_SECONDS = 60.0


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Tab:
    """One page. Everything that the browser complains about is kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=WAIT_SECONDS))
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, script: str) -> Any:
        """Wait for an expression to become true."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"never true: {script}\n{self.text()}"
            time.sleep(0.05)
        return value

    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    def scheme(self, name: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def _note(self, message: dict[str, Any]) -> None:
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.complaints.append(parameters["entry"]["text"])


@contextmanager
def tab(program: str, folder: Path) -> Iterator[Tab]:
    """A browser of this test's own, with an empty profile."""
    process = subprocess.Popen(
        [
            program,
            "--headless=new",
            "--no-sandbox",  # root in a container; the pages are our own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--remote-debugging-port=0",
            f"--user-data-dir={folder}",
            "about:blank",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with connect(_page_of(folder), max_size=None) as socket:
            yield Tab(socket)
        # Its reader is no part of `close`, and is what closes one end of a pair of sockets.
        socket.recv_events_thread.join(WAIT_SECONDS)
        socket.shutdown_watcher.close()
    finally:
        process.kill()
        process.wait()


def _page_of(folder: Path) -> str:
    """The address of the first page, as soon as the browser has written its port."""
    port_file = folder / "DevToolsActivePort"
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if port_file.is_file() and (words := port_file.read_text().split()):
            pages = httpx.get(f"http://127.0.0.1:{words[0]}/json/list").json()
            for page in pages:
                if page["type"] == "page":
                    return str(page["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise AssertionError("the browser does not start")
