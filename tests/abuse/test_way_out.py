"""Hostile builds against their only way out: none may reach more than the package indexes."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sandbox.base import Environment
from sandbox.egress import dial, request
from sandbox.egress.build_network import PROXY_PORT, BuildNetwork
from sandbox.engines.choose import AnySandbox
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.session.session import GuestSession
from sandbox.session.streams import MAX_OPEN_STREAMS
from tests.support.egress_case import (
    AUTHORIZATION,
    SECRET,
    Client,
    Site,
    running_site,
    write_certificate,
)
from tests.support.sandbox_case import SMALL, pack_tar, python

INDEX = PROXY_PORT + 1
NOWHERE = "198.51.100.7"
"""A documentation address: public by its number, and nobody's."""


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    """The sandboxes that isolate."""
    return need_sandbox(request.param)


@dataclass
class Way:
    """A session with the network of a build, and what stands around it."""

    session: GuestSession
    bare: Environment
    client: Client
    index: Site
    plain: Site
    addresses: dict[str, list[list[str]]] = field(default_factory=dict)
    """For each name the answers to come; the last one stays."""
    looked_up: list[str] = field(default_factory=list)
    network: BuildNetwork = field(init=False)

    def resolve(self, host: str, _port: int) -> Sequence[str]:
        self.looked_up.append(host)
        answers = self.addresses.get(host)
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def ask(self, raw: bytes, port: int = PROXY_PORT, then: bytes = b"") -> str:
        return self.client.ask(raw, port, then)

    def connect(self, target: str, then: bytes = b"") -> str:
        return self.ask(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode(), then=then)

    def get(self, path: str, port: int = INDEX) -> str:
        return self.ask(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode(), port)


@pytest.fixture(scope="module")
def module_way(
    sandbox: AnySandbox, bare: Environment, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Way]:
    assert not isinstance(sandbox, ProcessSandbox)
    folder = tmp_path_factory.mktemp("way")
    certificate = write_certificate(folder)
    source = pack_tar(folder / "s.tar", {"a.py": b""})
    with (
        running_site(certificate) as index,
        running_site(None) as plain,
        sandbox.open(bare, source, SMALL) as session,
    ):
        index.page("/team/simple/", b"<a href='/team/files/a-1.whl'>a</a>")
        settings = BuildSettings(
            cache_dir=folder,
            index_url=f"https://reader:{SECRET}@index.test:{index.port}/team/simple/",
            ca_bundle=certificate[0],
            allow_hosts=("allowed.test", "pinned.test:8443", f"other.test:{index.port}"),
            use_pip_configuration=False,
        )
        way = Way(
            session=session, bare=bare, client=Client(session, bare), index=index, plain=plain
        )
        way.network = BuildNetwork(settings, way.resolve)
        way.network.attach(session)
        yield way


@pytest.fixture
def way(module_way: Way) -> Iterator[Way]:
    """The way out, and after each attack it still serves an honest build."""
    module_way.addresses.clear()
    module_way.addresses["index.test"] = [["127.0.0.1"]]
    yield module_way
    module_way.addresses["index.test"] = [["127.0.0.1"]]
    assert "a-1.whl" in module_way.get("/team/simple/")
    module_way.index.forget()
    module_way.plain.forget()
    module_way.looked_up.clear()
    module_way.network.outside()


def own_address() -> str | None:
    """The address that this machine has for the world. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((NOWHERE, 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


# -- the host ------------------------------------------------------------------------------


def test_a_real_build_has_no_network_but_the_proxy(sandbox: AnySandbox, tmp_path: Path) -> None:
    """The install stage itself: services and abstract sockets of the host are out of its reach."""
    name = f"\0repair-test-{os.urandom(6).hex()}"
    code = (
        "import socket\n"
        "def met(family, *places):\n"
        "    for place in places:\n"
        "        with socket.socket(family) as s:\n"
        "            s.settimeout(2)\n"
        "            try: s.connect(place)\n"
        "            except OSError: continue\n"
        "            print('reached', place)\n"
        "met(socket.AF_UNIX, {name!r}, '/var/run/docker.sock')\n"
        "met(socket.AF_INET, ('127.0.0.1', {port}), ('169.254.169.254', 80), ({own!r}, {port}))\n"
        "print([name for _, name in socket.if_nameindex() if name.startswith(('e', 'w', 'v'))])\n"
    )
    source = pack_tar(tmp_path / "s.tar", {"a.py": b""})
    with running_site(None) as site, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(name)
        abstract.listen()
        builder = sandbox.build("0" * 32, sandbox.interpreters()[0], source)
        try:
            own = own_address() or "127.0.0.1"
            program = code.format(name=name, port=site.port, own=own)
            python_inside = sandbox.interpreters()[0].path
            done = builder.session.run([python_inside, "-I", "-c", program], timeout_seconds=60)
        finally:
            builder.discard()
        assert done.ok, done
        assert done.stdout.strip() == "[]"
        assert site.connections == 0


def test_a_loopback_service_is_not_reached_through_the_proxy(way: Way) -> None:
    for target in (f"127.0.0.1:{way.plain.port}", f"localhost:{way.plain.port}"):
        assert way.connect(target).startswith("HTTP/1.1 403 ")
        host, _, port = target.partition(":")
        request = f"GET http://{host}:{port}/ HTTP/1.1\r\nHost: {target}\r\n\r\n"
        assert way.ask(request.encode()).startswith("HTTP/1.1 403 ")
    assert way.plain.connections == 0


def test_the_metadata_address(way: Way) -> None:
    assert way.connect("169.254.169.254:443").startswith("HTTP/1.1 403 ")
    request = b"GET http://169.254.169.254/latest/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n"
    assert way.ask(request).startswith("HTTP/1.1 403 ")
    way.addresses["allowed.test"] = [["169.254.169.254"]]
    answer = way.connect("allowed.test:443")
    assert "allowed.test was refused: its name leads to a link-local address" in answer
    # Not even an index's own name may lead there.
    way.addresses["index.test"] = [["169.254.169.254"]]
    assert way.get("/team/simple/").startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "172.20.1.1", "192.168.1.1", "100.64.0.1", "127.0.0.2", "0.0.0.0"]
)
def test_a_name_that_leads_to_a_private_address(way: Way, address: str) -> None:
    way.addresses["allowed.test"] = [[address]]
    assert way.connect("allowed.test:443").startswith("HTTP/1.1 403 ")
    assert way.looked_up == ["allowed.test"]


@pytest.mark.parametrize(
    "address",
    [
        *("::1", "::", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::1"),
        *("2001:0:7f00:1::1", "fe80::1", "fd00::1", "ff02::1", "fec0::1"),
    ],
)
def test_a_name_that_leads_to_an_ipv6_form(way: Way, address: str) -> None:
    way.addresses["allowed.test"] = [[address]]
    assert way.connect("allowed.test:443").startswith("HTTP/1.1 403 ")
    assert way.connect(f"[{address}]:443").startswith("HTTP/1.1 403 ")


def test_the_machines_own_address(way: Way) -> None:
    """Whatever its number: a public address of this machine is a way to its services."""
    own = own_address()
    if own is None:
        pytest.skip("this machine has no network")
    way.addresses["allowed.test"] = [[own]]
    assert way.connect("allowed.test:443").startswith("HTTP/1.1 403 ")


def test_a_resolver_that_changes_its_answer(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebinding: what was checked is what is connected to; the name is asked for once."""
    monkeypatch.setattr(dial, "CONNECT_TIMEOUT_SECONDS", 0.3)
    way.addresses["other.test"] = [[NOWHERE], ["127.0.0.1"]]
    answer = way.connect(f"other.test:{way.index.port}")
    assert answer.startswith("HTTP/1.1 502 ")
    assert way.looked_up == ["other.test"]
    assert way.index.connections == 0
    assert way.connect(f"other.test:{way.index.port}").startswith("HTTP/1.1 403 ")
    assert way.index.connections == 0


def test_a_mixed_answer_uses_the_public_address_alone(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dial, "CONNECT_TIMEOUT_SECONDS", 0.3)
    way.addresses["other.test"] = [["127.0.0.1", NOWHERE, "::1"]]
    assert way.connect(f"other.test:{way.index.port}").startswith("HTTP/1.1 502 ")
    assert way.index.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        *("127.1", "0x7f.1", "2130706433", "0177.0.0.1", "LOCALHOST.", "allowed.test.evil"),
        *("allowed.test@127.0.0.1", "127.0.0.1%00.allowed.test", "allowed.test#@127.0.0.1"),
        *("evil.test\\allowed.test", "xn--a", "allowed.test/", "[::1%25allowed.test]", "*"),
    ],
)
def test_other_spellings_of_a_host(way: Way, host: str) -> None:
    way.addresses["allowed.test"] = [["127.0.0.1"]]
    answer = way.connect(f"{host}:443")
    assert answer.startswith(("HTTP/1.1 403 ", "HTTP/1.1 400 "))
    request = f"GET http://{host}:{way.plain.port}/ HTTP/1.1\r\nHost: {host}\r\n\r\n"
    assert way.ask(request.encode()).startswith(("HTTP/1.1 403 ", "HTTP/1.1 400 "))
    assert (way.looked_up, way.plain.connections) == ([], 0)


@pytest.mark.parametrize("port", [22, 25, 80, 8080])
def test_another_port_of_an_allowed_host(way: Way, port: int) -> None:
    way.addresses["pinned.test"] = [[NOWHERE]]
    answer = way.connect(f"pinned.test:{port}")
    told = f"pinned.test:{port} was refused: allow it with --allow-host pinned.test:{port}"
    assert answer.startswith(f"HTTP/1.1 403 {told}\r\n")
    assert way.network.outside().refused == (told,)
    assert way.looked_up == []


# -- what goes through a tunnel ------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: index.test\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x16\x03\x01\xff\xff" + b"\x02" * 70_000,
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        b"\x17\x03\x03\x00\x01x",
    ],
)
def test_a_tunnel_carries_nothing_but_tls(way: Way, first: bytes) -> None:
    answer = way.connect(f"index.test:{way.index.port}", then=first)
    assert answer.startswith("HTTP/1.1 200 ")
    assert way.index.asked == []
    assert any("tunnel" in told for told in way.network.outside().refused)


FRONTED = """
import socket, ssl
def tunnel():
    s = socket.create_connection(("127.0.0.1", {proxy}), 10)
    s.sendall(b"CONNECT index.test:{port} HTTP/1.1\\r\\n\\r\\n")
    assert s.recv(4096).startswith(b"HTTP/1.1 200")
    return s
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for name in ("evil.test", "index.test.evil.test", None):
    try:
        context.wrap_socket(tunnel(), server_hostname=name)
        print("reached", name)
    except OSError as error:
        pass
# The honest name, one byte at a time, still arrives.
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(incoming, outgoing, server_hostname="index.test")
s = tunnel()
s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
while True:
    try:
        tls.do_handshake()
        break
    except ssl.SSLWantReadError:
        data = outgoing.read()
        for at in range(0, len(data), 40):
            s.sendall(data[at:at + 40])
        incoming.write(s.recv(65536))
print("handshake", tls.version() is not None)
"""


def test_tls_for_another_site_at_the_same_address(way: Way) -> None:
    """Delivery networks serve everybody at one address: the name in the hello picks the site."""
    code = FRONTED.format(proxy=PROXY_PORT, port=way.index.port)
    done = way.session.run([way.bare.python, "-I", "-c", code], timeout_seconds=60)
    assert done.ok, done
    assert done.stdout.split() == ["handshake", "True"]
    refused = way.network.outside().refused
    assert any("its TLS is for another server" in told for told in refused)


RETRIED = """
import socket, ssl
def hello(name):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
    try: tls.do_handshake()
    except ssl.SSLWantReadError: pass
    return outgoing.read()
for second in ("retry.test", "evil.test"):
    with socket.create_connection(("127.0.0.1", {proxy}), 10) as s:
        s.sendall(b"CONNECT index.test:{port} HTTP/1.1\\r\\n\\r\\n")
        s.recv(4096)
        s.sendall(hello("index.test"))
        s.recv(4096)
        s.sendall(b"\\x14\\x03\\x03\\x00\\x01\\x01" + hello(second.replace("retry", "index")))
        s.settimeout(10)
        try: print(second, s.recv(4096))
        except OSError as error: print(second, type(error).__name__)
"""


def test_a_second_hello_is_for_the_same_site(way: Way) -> None:
    """A server may ask for the hello again (RFC 8446, 4.1.4): that one is read, too."""
    retry = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
    answer = b"\x02\x00\x00\x46\x03\x03" + retry + b"\x00" * 36
    heard: list[bytes] = []

    def serve() -> None:
        for _ in range(2):
            with server.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(b"\x16\x03\x03" + len(answer).to_bytes(2, "big") + answer)
                heard.append(connection.recv(65536))
                connection.sendall(b"heard")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        code = RETRIED.format(proxy=PROXY_PORT, port=port)
        network = way.network
        rule = network._proxy.dialer.rules.rules["index.test"]
        ports = frozenset((*rule.ports, port))
        network._proxy.dialer.rules.rules["index.test"] = replace(rule, ports=ports)  # type: ignore[index]
        done = way.session.run([way.bare.python, "-I", "-c", code], timeout_seconds=60)
        thread.join(20)
    assert done.ok, done
    assert done.stdout.splitlines()[0] == "retry.test b'heard'"
    assert "heard" not in done.stdout.splitlines()[1]
    assert [bool(data) for data in heard] == [True, False]


# -- requests ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "GET http://index.test:{port}/ HTTP/1.1\r\nHost: allowed.test",
        "GET http://index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}\r\nHost: evil.test",
        "GET http://a@index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}",
        "GET /team/simple/ HTTP/1.1\r\nHost: index.test:{port}",
        "GET https://index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}",
        "GET file:///etc/passwd HTTP/1.1\r\nHost: x",
        "POST http://index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}\r\nContent-Length: 1",
        "GET http://index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}\r\nContent-Length: 9",
        "GET http://index.test:{port}/ HTTP/1.1\r\nHost: index.test:{port}\r\n"
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "GET http://index.test:{port}/ HTTP/1.1\r\nHost : index.test:{port}",
        "GET http://index.test:{port}/ HTTP/1.1\r\nX: a\nHost: evil.test",
        "GET http://index.test:{port}/ HTTP/1.1\r\nX: a\r\n folded: b",
        "GET http://index.test:{port}/\x00 HTTP/1.1\r\nHost: index.test",
        "GET http://index.test:{port}/ HTTP/2.0\r\nHost: index.test",
        "\x16\x03\x01\x00\x01",
    ],
)
def test_smuggling_and_malformed_heads(way: Way, head: str) -> None:
    raw = head.format(port=way.index.port).encode("latin-1") + b"\r\n\r\n"
    assert way.ask(raw + b"GET /team/admin HTTP/1.1\r\n\r\n").startswith("HTTP/1.1 400 ")
    assert way.index.asked == []


def test_a_second_request_behind_the_first_is_dropped(way: Way) -> None:
    first = b"GET /team/simple/ HTTP/1.1\r\nHost: x\r\n\r\n"
    way.ask(first + b"GET /admin HTTP/1.1\r\nHost: x\r\n\r\n", INDEX)
    assert [path for _, path, _ in way.index.asked] == ["/team/simple/"]


def test_giant_heads(way: Way) -> None:
    many = b"".join(b"h%d: x\r\n" % number for number in range(5000))
    for head in (b"X: " + b"a" * 2_000_000, many, b"GET /" + b"a" * 100_000):
        answer = way.ask(b"GET / HTTP/1.1\r\n" + head + b"\r\n\r\n", INDEX)
        assert answer.startswith("HTTP/1.1 400 ") or "Error" in answer
    assert way.index.asked == []


def test_a_head_that_trickles_in(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "HEAD_TIMEOUT_SECONDS", 0.3)
    answer = way.ask(b"GET / HTTP/1.1\r\nX: ", INDEX)
    assert answer.startswith("HTTP/1.1 400 the head of the request took too long")


def test_many_connections_at_once(way: Way) -> None:
    """What is over the limit waits inside; the host's threads are bounded, and all end."""
    code = (
        "import socket\n"
        f"held = [socket.create_connection(('127.0.0.1', {PROXY_PORT}), 10) for _ in range(150)]\n"
        "for one in held: one.sendall(b'GET ')\n"
        "print(len(held), flush=True)\n"
        "input()\n"
    )
    process = way.session.start([way.bare.python, "-I", "-c", code])
    try:
        assert (process.receive(30.0) or b"").strip() == b"150"
        threads = [each for each in threading.enumerate() if each.name.startswith("egress-")]
        assert 0 < len(threads) <= MAX_OPEN_STREAMS
    finally:
        process.kill()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


# -- an index with credentials -------------------------------------------------------------


def test_the_credentials_are_nowhere_inside(way: Way) -> None:
    assert "a-1.whl" in way.get("/team/simple/")
    assert [headers["authorization"] for _, _, headers in way.index.asked] == [AUTHORIZATION]
    assert SECRET not in repr(way.network.variables())
    code = (
        "import os\n"
        "places = ['/proc/%s/%s' % (p, n) for p in os.listdir('/proc') if p.isdigit()\n"
        "          for n in ('environ', 'cmdline', 'mem')]\n"
        "for top in ('/workspace', '/tmp', '/etc', '/dev/shm'):\n"
        "    for folder, _, names in os.walk(top):\n"
        "        places += [os.path.join(folder, name) for name in names]\n"
        "word = bytes.fromhex(__import__('sys').argv[1])\n"
        "for place in places:\n"
        "    try:\n"
        "        with open(place, 'rb') as file:\n"
        "            if word in file.read(1 << 20) and 'cmdline' not in place: print(place)\n"
        "    except OSError: pass\n"
    )
    for word in (SECRET.encode(), AUTHORIZATION.split()[1].encode()):
        words = [way.bare.python, "-I", "-c", code, word.hex()]
        done = way.session.run(words, env=way.network.variables(), timeout_seconds=60)
        assert (done.ok, done.stdout) == (True, ""), done


@pytest.mark.parametrize(
    "path",
    [
        *("/admin", "/", "/team", "/teamwork/x", "/team/../admin", "/team/%2e%2e/admin"),
        *("/team/simple/..%2f..%2fadmin", "/team/..;/admin", "/team/%252e%252e/admin"),
        *("//index.test/admin", "/team//admin", "/team/simple/..\\..\\admin", "/team/./../x"),
    ],
)
def test_credentials_are_for_the_index_alone(way: Way, path: str) -> None:
    way.index.page("/admin", b"private")
    answer = way.get(path)
    assert answer.startswith("HTTP/1.1 403 ")
    assert way.index.asked == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "CONNECT", "OPTIONS"])
def test_an_index_cannot_be_written_to(way: Way, method: str) -> None:
    raw = f"{method} /team/simple/ HTTP/1.1\r\nHost: x\r\n\r\n"
    assert way.ask(raw.encode(), INDEX).startswith("HTTP/1.1 400 ")
    assert way.index.asked == []


def test_what_a_build_says_of_itself_does_not_reach_the_index(way: Way) -> None:
    extra = "Authorization: Basic ZXZpbDp4\r\nCookie: a=b\r\nX-Forwarded-For: 10.0.0.1\r\n"
    way.ask(f"GET /team/simple/ HTTP/1.1\r\nHost: evil.test\r\n{extra}\r\n".encode(), INDEX)
    [(_, _, headers)] = way.index.asked
    assert headers["authorization"] == AUTHORIZATION
    assert headers["host"] == f"index.test:{way.index.port}"
    assert not {"cookie", "x-forwarded-for"} & headers.keys()


def test_a_redirect_leads_nowhere_else(way: Way) -> None:
    """It is not followed on the host, and who follows it inside is refused."""
    for number, target in enumerate(
        (f"http://127.0.0.1:{way.plain.port}/", "http://169.254.169.254/", "file:///etc/passwd")
    ):
        way.index.page(f"/team/simple/{number}", b"", status=302, location=target)
        answer = way.get(f"/team/simple/{number}")
        assert answer.startswith("HTTP/1.1 302 ")
        assert f"location: {target}" in answer.lower()
    assert way.plain.connections == 0
    assert SECRET not in answer


def test_a_session_of_the_index_stays_outside(way: Way) -> None:
    way.index.page("/team/simple/c", b"", set_cookie="session=42", www_authenticate="Basic")
    answer = way.get("/team/simple/c").lower()
    assert answer.startswith("http/1.1 200 ")
    assert "cookie" not in answer
    assert "www-authenticate" not in answer


def test_a_session_of_a_test_has_no_way_out(
    sandbox: AnySandbox, bare: Environment, way: Way
) -> None:
    """Only builds get the relay: nothing listens in the sessions that judge."""
    source = pack_tar(Path(way.network._settings.cache_dir) / "t.tar", {"a.py": b""})
    code = (
        "import socket\n"
        "try: socket.create_connection(('127.0.0.1', 3128), 2)\n"
        "except OSError as error: print(type(error).__name__)\n"
    )
    with sandbox.open(bare, source, SMALL) as session:
        assert python(session, bare, code) == "ConnectionRefusedError"
