"""Which hosts a build may reach, by name and by address."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from cli.errors import BadInput
from cli.options.arguments import check_hosts
from sandbox.egress.build_network import BuildNetwork
from sandbox.egress.dial import Dialer, Refused
from sandbox.egress.private_index import private_index
from sandbox.egress.rules import PYTHON_HOSTS, canonical, make_rules, split_host
from sandbox.egress_report import EgressReport
from sandbox.environments.build_settings import BuildSettings
from sandbox.host.addresses import kind_of


def test_the_public_index_is_reached_where_none_is_configured() -> None:
    assert make_rules((), (), public=True).find(PYTHON_HOSTS[0], 443)
    assert make_rules((), (), public=False).find(PYTHON_HOSTS[0], 443) is None
    assert make_rules((), (), public=True).find(PYTHON_HOSTS[0], 80) is None


@pytest.mark.parametrize(
    "text", ["", "a b", "a/b", "http://a", "a@b", "a:99999", "*", "-a", "a..b"]
)
def test_what_is_no_host(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split_host(text)
    with pytest.raises(BadInput, match="--allow-host"):
        check_hosts([text])


def test_spellings_of_hosts() -> None:
    assert canonical("Example.ORG.") == "example.org"
    assert canonical("::ffff:10.0.0.1") == "10.0.0.1"
    assert canonical("bücher.example") == "xn--bcher-kva.example"
    assert split_host("[fd00::1]:8443") == ("fd00::1", 8443)
    assert split_host("fd00::1") == ("fd00::1", None)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *(("8.8.8.8", True), ("2606:4700::1111", True), ("64:ff9b::808:808", True)),
        *(("::ffff:8.8.8.8", True), ("10.1.2.3", False), ("::ffff:10.1.2.3", False)),
        *(("100.127.255.255", False), ("172.31.0.1", False), ("255.255.255.255", False)),
        *(("4000::1", False), ("64:ff9b:1::808:808", False), ("2002:808:808::1", False)),
    ],
)
def test_addresses_of_public_hosts(address: str, public: bool) -> None:
    assert (kind_of(ipaddress.ip_address(address)) is None) is public


def test_a_private_address_that_the_user_allows() -> None:
    rules = make_rules((), ("git.corp.test", "10.1.2.3", "127.0.0.1"), public=True)
    named, literal = rules.find("git.corp.test", 443), rules.find("127.0.0.1", 443)
    assert named is not None
    assert literal is not None
    assert rules.objection(named, ipaddress.ip_address("10.1.2.3")) is None
    assert rules.objection(named, ipaddress.ip_address("10.1.2.4")) is not None
    # Only an index may lie on this machine itself.
    assert rules.objection(literal, ipaddress.ip_address("127.0.0.1")) is not None


def test_an_index_may_be_private_and_is_no_way_to_the_metadata() -> None:
    rules = make_rules(("https://pip.corp.test:8443/simple",), (), public=False)
    rule = rules.find("pip.corp.test", 8443)
    assert rule is not None
    assert rules.find("pip.corp.test", 443) is None
    for address, fit in (("10.9.9.9", True), ("127.0.0.1", True), ("169.254.169.254", False)):
        assert (rules.objection(rule, ipaddress.ip_address(address)) is None) is fit


def test_what_was_refused_is_told_once_and_bounded() -> None:
    report = EgressReport()
    dialer = Dialer(rules=make_rules((), (), public=True), report=report)
    for number in range(1000):
        with pytest.raises(Refused):
            dialer.connect(f"host{number % 100}.test", 443)
    refused = report.take().refused
    assert refused[0] == "host0.test was refused: allow it with --allow-host host0.test"
    assert len(refused) == 20
    assert report.take().refused == ()


def test_the_own_proxy_is_passed_by_where_the_user_says_so() -> None:
    dialer = Dialer(
        rules=make_rules((), (), public=True),
        report=EgressReport(),
        no_proxy="corp.test, .dev.test",
    )
    direct = {host: dialer._direct(host) for host in ("a.corp.test", "acorp.test", "b.dev.test")}
    assert direct == {"a.corp.test": True, "acorp.test": False, "b.dev.test": True}


def test_credentials_of_a_netrc_stay_on_this_side(tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine pip.corp.test login me password hush\n")
    (tmp_path / "netrc").chmod(0o600)
    settings = BuildSettings(
        cache_dir=tmp_path,
        index_url="https://pip.corp.test/simple",
        extra_index_urls=("https://a:b@other.test/simple/", "file:///mirror"),
        find_links=("https://open.test/links",),
        netrc=tmp_path / "netrc",
    )
    network = BuildNetwork(settings)
    variables = network.variables()
    assert variables["PIP_INDEX_URL"] == "http://127.0.0.1:3129/simple"
    assert variables["PIP_EXTRA_INDEX_URL"] == "http://127.0.0.1:3130/simple/ file:///mirror"
    assert variables["UV_FIND_LINKS"] == "https://open.test/links"
    index = network._proxy.indexes[3129]
    assert index.place("/simple/x").headers == {"authorization": "Basic bWU6aHVzaA=="}
    assert not {word for word in ("hush", "a:b") if word in repr(variables)}


PAGE = b"""<a href="https://pip.test/elsewhere/x-1.whl#sha256=0">x</a>
<a href='HTTPS://pip.test:443/team/y.whl'>y</a> <a href="../../team/z.whl?a=1&amp;b=2">z</a>
<a href="https://pip.test.evil/w.whl">w</a> <a href="https://pip.test:8443/v.whl">v</a>"""


def test_links_to_the_same_host_go_through_the_port_inside() -> None:
    index = private_index("https://me:hush@pip.test/team/simple/", 3129)
    with pytest.raises(Refused):
        index.place("/elsewhere/x-1.whl")
    rewrite = index.place("/team/simple/x/").rewrite_page
    assert rewrite is not None
    page = rewrite(PAGE).decode()
    assert "http://127.0.0.1:3129/elsewhere/x-1.whl#sha256=0" in page
    assert "http://127.0.0.1:3129/team/y.whl" in page
    assert "https://pip.test.evil/w.whl" in page
    assert "https://pip.test:8443/v.whl" in page
    assert index.place("/elsewhere/x-1.whl").host == "pip.test"
    assert index.place("/elsewhere/x-1.whl.metadata").host == "pip.test"
    with pytest.raises(Refused):
        index.place("/elsewhere/x-2.whl")
    # A page that is no index page (a project's description, say) opens nothing.
    assert index.place("/team/project/x").rewrite_page is None
