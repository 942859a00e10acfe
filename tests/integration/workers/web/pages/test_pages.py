"""The pages in a real browser: they are current, harmless, and readable without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.browser import Tab, chromium, tab
from tests.support.cli_records import DIFF
from tests.support.services import missing
from tests.support.web_case import EVENTS, EVIL, HOSTILE, Site
from workers.records import Usage
from workers.web.auth.scopes import Scope

PILL = "document.querySelector('#summary .pill').textContent"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    program = chromium()
    if program is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    with tab(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(browser: Tab) -> Iterator[Tab]:
    browser.call("Network.clearBrowserCookies")
    browser.open("about:blank#")
    browser.complaints.clear()
    yield browser
    assert browser.complaints == []


def test_a_job_from_queue_to_patch_without_reloading(page: Tab, here: Site, tmp_path: Path) -> None:
    here.submit()
    job = here.submit()
    page.open(f"{here.url}/jobs/{job.id}")
    assert page.run(PILL) == "queued"
    assert "Position\n2" in page.text()
    page.run("window.unbroken = true")
    page.until("document.getElementById('connection').textContent === 'live'")

    claim = here.start(job, EVENTS)
    here.store.heartbeat(claim, Usage(tokens=77, gpu_seconds=1.5, candidates_tried=30))
    page.until(f"{PILL} === 'running'")
    page.until("document.querySelector('.stages .now b')?.textContent === 'propose'")
    text = page.text()
    for words in ("1 red", "2 green", "a.py:3", "30 candidates tried, 15/s", "Tokens\n77"):
        assert words in text
    assert "Best patch so far `<` → `<` in a.py:3" in text

    here.finish(claim, tmp_path)
    page.until(f"{PILL} === 'repaired'")
    assert page.run("document.querySelector('.diff .added').textContent").startswith("+    return")
    assert "1 test that failed now pass" in page.text()
    assert page.run("window.unbroken") is True


def test_nothing_a_repository_says_is_obeyed(page: Tab, here: Site, tmp_path: Path) -> None:
    job = here.submit("evil")
    claim = here.start(job, HOSTILE)
    page.open(f"{here.url}/jobs/{job.id}")
    page.until("document.body.innerText.includes('<script>')")
    here.finish(claim, tmp_path, DIFF.replace("# end", EVIL + "</pre><img src=x onerror=alert(1)>"))
    page.until(f"{PILL} === 'repaired'")
    html = str(page.run("document.documentElement.outerHTML"))
    for harmful in ("\x1b", "\u202e", "\x00", "<img", "<script>document"):
        assert harmful not in html
    assert "\\x1b[31m\\u202e" in page.text()
    assert page.run("document.title") == f"{job.id} · Repair"
    assert page.run("document.scripts.length") == 1


def test_the_policy_holds_even_if_something_slipped_through(page: Tab, here: Site) -> None:
    page.open(f"{here.url}/")
    page.run(
        "window.ran = false; const s = document.createElement('script');"
        "s.textContent = 'window.ran = true'; document.body.append(s); window.ran"
    )
    page.until("true")
    assert page.run("window.ran") is False
    assert any("Content Security Policy" in words for words in page.complaints)
    page.complaints.clear()


def test_the_list_follows_the_queue(page: Tab, here: Site) -> None:
    page.open(f"{here.url}/")
    assert "No jobs yet" in page.text()
    job = here.submit("git.example.com/ada/ledger")
    page.until(f"document.body.innerText.includes('{job.id}')")
    here.store.cancel(job.id, by="ada")
    page.until("document.querySelector('#rows .pill').textContent === 'cancelled'")
    assert page.run("document.querySelector('#rows a').pathname") == f"/jobs/{job.id}"


def test_login_and_logout(page: Tab, here: Site) -> None:
    secret = here.token(Scope.READ, owner="ada")
    mine, other = here.submit(owner="ada"), here.submit(owner="eve")
    page.open(f"{here.url}/jobs/{mine.id}")
    page.until("location.pathname === '/login'")
    for words, path in (("repair_wrong", "/login"), (secret, f"/jobs/{mine.id}")):
        page.run(f"document.getElementById('token').value = '{words}'")
        page.run("document.querySelector('main form button').click()")
        page.until(f"location.pathname === '{path}' && document.readyState === 'complete'")
        if path == "/login":
            page.until("document.querySelector('[role=alert]') !== null")
            assert any("401" in words for words in page.complaints)
            page.complaints.clear()
    page.until(f"document.body.innerText.includes('{mine.id}')")
    page.open(f"{here.url}/")
    page.until(f"document.body.innerText.includes('{mine.id}')")
    assert other.id not in page.text()
    assert page.run("document.cookie") == ""
    page.run("document.querySelector('header form button').click()")
    page.until("location.pathname === '/login'")
    page.open(f"{here.url}/")
    page.until("location.pathname === '/login'")


CONTRAST = """
(() => {
  const light = (c) => {
    const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = (e) => {
    while (e && getComputedStyle(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;
    return e ? getComputedStyle(e).backgroundColor : 'rgb(255, 255, 255)';
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.matches('progress, meter')) continue;
    const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${e.outerHTML.slice(0, 80)} ${ratio.toFixed(2)}`);
  }
  return poor;
})()
"""
"""Texts below the contrast that WCAG 2.2 asks for (1.4.3, level AA)."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_by_everybody(page: Tab, here: Site, scheme: str, tmp_path: Path) -> None:
    page.scheme(scheme)
    done, waits = here.submit(), here.submit("other")
    here.finish(here.start(done, EVENTS), tmp_path)
    here.start(waits, EVENTS[:-2])
    for path in ("/", f"/jobs/{done.id}", f"/jobs/{waits.id}", "/login"):
        page.open(here.url + path)
        assert page.run(CONTRAST) == [], path
        assert page.run("document.documentElement.lang") == "en"
        assert page.run("document.querySelectorAll('h1').length") == 1
        fields = "[...document.querySelectorAll('input:not([type=hidden])')]"
        assert page.run(f"{fields}.every((i) => i.labels.length)")
        bare = "[...document.querySelectorAll('meter, progress')].filter((m) => !m.ariaLabel)"
        assert page.run(f"{bare}.length") == 0
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), path


def test_no_script_no_stream_still_a_page(here: Site) -> None:
    here.submit("git.example.com/ada/ledger")
    html = httpx.get(f"{here.url}/").text
    assert "git.example.com/ada/ledger" in html
    assert '<noscript><meta http-equiv="refresh"' in html
    assert "http" not in html.replace("http-equiv", "")  # no asset from elsewhere


@pytest.mark.parametrize("path", ["/", "/live"])
def test_what_is_no_id_is_refused_before_the_database_sees_it(api: httpx.Client, path: str) -> None:
    """PostgreSQL takes no NUL in a text."""
    with api.stream("GET", path, params={"before": "\x00"}) as answer:
        assert answer.status_code == 422
