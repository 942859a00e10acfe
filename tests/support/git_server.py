"""A git repository over plain HTTP behind a user and a password."""

from __future__ import annotations

import base64
import functools
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

USER, PASSWORD = "robot", "pa:ss@wo/rd-7f3c"
IN_URL = "robot:pa%3Ass%40wo%2Frd-7f3c@"
SECRETS = (PASSWORD, "pa%3Ass", "wo%2Frd-7f3c", "wo/rd-7f3c")
_ANSWER = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class _Guarded(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("Authorization") == _ANSWER:
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def guarded_repository(work_tree: Path, folder: Path) -> Iterator[str]:
    """`HOST:PORT/project.git`, a bare copy of the repository in `work_tree`, as branch `main`."""
    bare = folder / "project.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(work_tree), str(bare)], check=True)
    subprocess.run(["git", "-C", str(bare), "update-server-info"], check=True)
    handler = functools.partial(_Guarded, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}/project.git"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
