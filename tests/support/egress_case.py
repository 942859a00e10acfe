"""What the suites about a build's way out share: a site with TLS, and a client inside."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sandbox.base import Environment
from sandbox.session.session import GuestSession

SECRET = "s3cret-of-the-index"
AUTHORIZATION = "Basic " + base64.b64encode(f"reader:{SECRET}".encode()).decode()
NAMES = ("localhost", "index.test", "allowed.test", "127.0.0.1")


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, for the names of the tests, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "repair tests")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in NAMES[:-1]]
    names.append(x509.IPAddress(ipaddress.ip_address(NAMES[-1])))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return pem, secret


class Site:
    """A server on the loopback that remembers what it was asked, and how many connected."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.connections = 0
        self.port = 0

    def page(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (status, {"content-type": "text/html", **named}, body)

    def forget(self) -> None:
        self.asked.clear()
        self.connections = 0


@contextmanager
def running_site(certificate: tuple[Path, Path] | None) -> Iterator[Site]:
    """Serve over TLS, or plainly without a certificate."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append((self.command, self.path, headers))
            missing = (404, {}, b"nothing here")
            status, answer, body = site.pages.get(self.path, missing)
            self.send_response(status)
            for name, value in {**answer, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_POST = do_PUT = do_GET

        def log_message(self, *_: object) -> None:
            """Nothing on the tests' own output."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def process_request(self, request: object, address: object) -> None:
            site.connections += 1
            super().process_request(request, address)  # type: ignore[arg-type]

        def handle_error(self, *_: object) -> None:
            """Clients that leave are what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield site
        server.shutdown()
        thread.join()


CLIENT = """
import socket, sys
def exchange(port, raw, then):
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.settimeout(10)
        try:
            s.sendall(raw)
            while True:
                piece = s.recv(65536)
                if not piece:
                    return answer
                answer += piece
                if then and answer.startswith(b"HTTP/1.1 200 "):
                    data, then = then, b""
                    s.sendall(data)
        except OSError as error:
            return answer + repr(error).encode()
for line in sys.stdin:
    port, raw, then = line.split(",")
    answer = exchange(int(port), bytes.fromhex(raw), bytes.fromhex(then.strip()))
    print(answer.hex(), flush=True)
"""


class Client:
    """A program inside that sends bytes to the loopback there and tells what comes back."""

    def __init__(self, session: GuestSession, bare: Environment) -> None:
        self._process = session.start([bare.python, "-I", "-S", "-u", "-c", CLIENT])

    def ask(self, raw: bytes, port: int, then: bytes = b"") -> str:
        """All that comes back until the other side closes. `then` follows a good answer."""
        self._process.send(f"{port},{raw.hex()},{then.hex()}".encode())
        line = self._process.receive(60.0)
        assert line is not None
        return bytes.fromhex(line.decode().strip()).decode("latin-1")
