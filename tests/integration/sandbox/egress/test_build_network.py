"""What an honest build gets through its only way out, in the sandboxes that isolate."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.base import EnvironmentBuilder
from sandbox.engines.choose import AnySandbox, choose
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import InstallFailed
from sandbox.languages.python.detection.detect import understand
from sandbox.languages.python.environments.prepare import prepare_environment
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from tests.support.egress_case import AUTHORIZATION, SECRET, Site, running_site, write_certificate
from tests.support.sandbox_case import pack_tar

WHEEL = "parcel-1.0-py3-none-any.whl"


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    return need_sandbox(request.param)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def site(certificate: tuple[Path, Path]) -> Iterator[Site]:
    with running_site(certificate) as index:
        yield index


def wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("parcel.py", "content = 'of the private index'\n")
        info = "parcel-1.0.dist-info"
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: parcel\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        file.writestr(f"{info}/RECORD", "")
    return buffer.getvalue()


def open_build(sandbox: AnySandbox, settings: BuildSettings, folder: Path) -> EnvironmentBuilder:
    again = choose(sandbox.name, replace(settings, docker_image=sandbox.settings.docker_image))
    source = pack_tar(folder / "source.tar", {"a.py": b""})
    return again.build("0" * 32, again.interpreters()[0], source)


def test_pip_installs_from_a_private_index_without_its_credentials(
    sandbox: AnySandbox, site: Site, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    # The file is linked absolutely and elsewhere at the same host, as some servers do it.
    link = f"https://localhost:{site.port}/store/{WHEEL}"
    site.page("/team/simple/parcel/", f'<a href="{link}">{WHEEL}</a>'.encode())
    site.page(f"/store/{WHEEL}", wheel())
    url = f"https://reader:{SECRET}@localhost:{site.port}/team/simple/"
    settings = BuildSettings(
        cache_dir=tmp_path, index_url=url, ca_bundle=certificate[0], use_pip_configuration=False
    )
    builder = open_build(sandbox, settings, tmp_path)
    try:
        run = builder.session.run
        python = sandbox.interpreters()[0].path
        words = ["-m", "pip", "install", "-q", "--target", "/tmp/there", "parcel"]
        done = run([python, *words], timeout_seconds=120)
        assert done.ok, done
        program = "import os, parcel; print(parcel.content); print(dict(os.environ))"
        done = run([python, "-c", program], timeout_seconds=60, env={"PYTHONPATH": "/tmp/there"})
        assert done.stdout.startswith("of the private index\n")
        assert SECRET not in done.stdout
        assert builder.outside().reached
    finally:
        builder.discard()
    assert {headers.get("authorization") for _, _, headers in site.asked} == {AUTHORIZATION}
    assert f"/store/{WHEEL}" in [path for _, path, _ in site.asked]


STUB = """
import os, urllib.request, urllib.error
names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "npm_config_https_proxy", "CARGO_HTTP_PROXY")
print({os.environ[name] for name in (*names, *(name.lower() for name in names[:3]))})
for url in (%r, %r):
    try:
        print(urllib.request.urlopen(url, timeout=20).read().decode())
    except urllib.error.URLError as error:
        print(error)
"""


def test_a_tool_of_any_language_finds_the_proxy_and_tls_stays_end_to_end(
    sandbox: AnySandbox, site: Site, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    """What Go, cargo and npm do: variables, CONNECT, and their own TLS with the user's CA."""
    site.page("/index", b"through the tunnel")
    settings = BuildSettings(
        cache_dir=tmp_path,
        index_url=f"https://localhost:{site.port}/simple/",
        ca_bundle=certificate[0],
        use_pip_configuration=False,
    )
    builder = open_build(sandbox, settings, tmp_path)
    try:
        # NO_PROXY spares the loopback: the name of the machine inside is a tunnel's as well.
        urls = (f"https://localhost:{site.port}/index", "https://example.org/")
        done = builder.session.run(
            [sandbox.interpreters()[0].path, "-c", STUB % urls],
            timeout_seconds=60,
            env={"NO_PROXY": "", "no_proxy": ""},
        )
    finally:
        builder.discard()
    assert "{'http://127.0.0.1:3128'}" in done.stdout, done
    assert "through the tunnel" in done.stdout
    assert "403 example.org was refused: allow it with --allow-host example.org" in done.stdout


def failing(
    sandbox: AnySandbox, settings: BuildSettings, folder: Path, requirement: str
) -> tuple[str, list[str]]:
    """What is said of an installation that fails: at its end, and on the way."""
    project = folder / "project"
    project.mkdir()
    (project / "requirements.txt").write_text(f"{requirement}\n")
    (project / "test_it.py").write_text("def test_it():\n    assert True\n")
    snapshot = take_snapshot(resolve(str(project), None, folder / "scratch"), folder / "snapshots")
    said: list[str] = []
    again = choose(sandbox.name, settings)
    with pytest.raises(InstallFailed) as caught:
        prepare_environment(again, understand(snapshot), snapshot, said.append)
    return str(caught.value).splitlines()[0], said


@pytest.mark.nightly
def test_a_failed_installation_names_the_host_that_was_refused(
    need_sandbox: Callable[[str], AnySandbox],
    site: Site,
    certificate: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    sandbox = need_sandbox("bubblewrap")
    settings = BuildSettings(
        cache_dir=tmp_path / "cache",
        index_url=f"https://reader:{SECRET}@localhost:{site.port}/simple/",
        ca_bundle=certificate[0],
        use_pip_configuration=False,
    )
    sentence = "example.org was refused: allow it with --allow-host example.org"
    requirement = "parcel @ https://example.org/parcel-1.0.zip"
    told, said = failing(sandbox, settings, tmp_path, requirement)
    assert said.count(sentence) == 1
    assert sentence in told
    assert "no package index can be reached" not in told


def test_an_index_that_does_not_answer_is_told_as_that(
    need_sandbox: Callable[[str], AnySandbox], certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    with running_site(certificate) as gone:
        port = gone.port
    settings = BuildSettings(
        cache_dir=tmp_path / "cache",
        index_url=f"https://reader:{SECRET}@localhost:{port}/simple/",
        ca_bundle=certificate[0],
        use_pip_configuration=False,
    )
    told, _ = failing(need_sandbox("bubblewrap"), settings, tmp_path, "parcel")
    assert told.startswith("no package index can be reached")
    assert "localhost cannot be reached: Connection refused" in told
