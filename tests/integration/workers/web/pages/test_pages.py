"""The pages in a real browser: they are current, harmless, and readable without a mouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from agent.events import Warned
from agent.runs.folder import RunFolder, runs_root
from agent.runs.trajectory import Step, Trajectory
from tests.support.browser import Tab, chromium, tab
from tests.support.cli_records import DIFF
from tests.support.services import missing
from tests.support.web_case import EVENTS, EVIL, HOSTILE, Site, site
from workers.records import JobState, Queue, Usage
from workers.store.scheduling.presence import Presence
from workers.store.tables import jobs
from workers.web.auth.scopes import Scope

LOADED = "document.readyState === 'complete'"
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
    page.until("document.querySelector('#rows .pill')?.textContent === 'queued'")
    here.store.cancel(job.id, by="ada")
    page.until("document.querySelector('#rows .pill').textContent === 'cancelled'")
    assert page.run("document.querySelector('#rows a').pathname") == f"/jobs/{job.id}"


def rows(page: Tab) -> list[str]:
    """The addresses of the jobs of a list."""
    return list(
        page.run("[...document.querySelectorAll('#rows td.wide > a')].map(a => a.pathname)")
    )


def test_filters_are_links_and_words_are_found(page: Tab, here: Site, tmp_path: Path) -> None:
    waits = here.submit("git.example.com/ada/ledger")
    runs, done = here.submit("git.example.com/ada/100%_sure"), here.submit("git.example.com/eve/x")
    here.finish(here.start(done), tmp_path)
    here.start(runs, EVENTS)
    page.open(f"{here.url}/?q=ADA")
    assert rows(page) == [f"/jobs/{runs.id}", f"/jobs/{waits.id}"]
    assert page.run("document.querySelector('#rows .stage').textContent") == "propose"
    page.run("[...document.querySelectorAll('#counts a')].find(a => /queued/.test(a.text)).click()")
    page.until("location.search === '?state=queued&q=ADA' && document.readyState === 'complete'")
    assert rows(page) == [f"/jobs/{waits.id}"]
    assert "queued" in page.run("document.querySelector('#counts [aria-current]').textContent")
    for query, found in (
        ("?state=repaired", [done]),
        (f"?q={done.id[-8:]}", [done]),
        ("?q=0%25_s", [runs]),  # `%` and `_` are letters
        ("?q=%25a", []),
        ("?state=live", [runs, waits]),
    ):
        page.open(f"{here.url}/{query}")
        assert rows(page) == [f"/jobs/{job.id}" for job in found], query
    assert httpx.get(f"{here.url}/?state=nonsense").status_code == 422


def test_pages_that_were_left_hold_no_connection(page: Tab, here: Site) -> None:
    """A browser opens six to a server, and keeps pages for going back."""
    job = here.submit()
    for number in range(8):
        page.open(f"{here.url}/?q={number}")
        page.open(f"{here.url}/jobs/{job.id}")
        page.until("document.getElementById('connection').textContent === 'live'")
    page.run("history.back()")
    page.until("location.pathname === '/'")
    page.until("document.getElementById('connection').textContent === 'live'")


def test_a_lost_connection_is_red(page: Tab, tmp_path: Path) -> None:
    with site(tmp_path) as short:
        page.open(f"{short.url}/")
        page.until("document.getElementById('connection').textContent === 'live'")
        good = page.run(DOT)
    page.until("document.getElementById('connection').textContent.startsWith('connection lost')")
    assert page.run(DOT) != good
    page.complaints.clear()


DOT = "getComputedStyle(document.getElementById('connection'), '::before').color"


def log_in(page: Tab, here: Site, secret: str) -> None:
    page.open(f"{here.url}/login")
    page.run(f"document.getElementById('token').value = '{secret}'")
    page.run("document.querySelector('main form button').click()")
    page.until("location.pathname === '/' && document.readyState === 'complete'")


def press(page: Tab, words: str) -> None:
    buttons = "[...document.querySelectorAll('main button')]"
    page.run(f"{buttons}.find(b => b.textContent === '{words}').click()")


def test_submit_cancel_and_try_again_on_the_page(page: Tab, here: Site) -> None:
    log_in(page, here, here.token(Scope.READ, Scope.SUBMIT, Scope.CANCEL, owner="ada"))
    page.open(f"{here.url}/submit")
    page.run("document.getElementById('target').value = '/etc'")
    page.run("document.getElementById('problem_statement').value = 'it is\\nwrong <b>'")
    press(page, "Submit")
    page.until("document.querySelector('[role=alert]') !== null")
    assert page.run("document.getElementById('target').value") == "/etc"
    page.complaints.clear()  # the answer was a 403
    page.run("document.getElementById('target').value = 'https://git.example.com/ada/ledger'")
    press(page, "Submit")
    page.until("location.pathname.startsWith('/jobs/') && document.readyState === 'complete'")
    (job,) = here.store.jobs()
    assert (job.request.owner, job.request.repair.problem_statement) == ("ada", "it is\nwrong <b>")
    press(page, "Cancel")
    page.until(f"{LOADED} && {PILL} === 'cancelled'")
    press(page, "Try again")
    page.until(f"{LOADED} && {PILL} === 'queued'")
    assert here.store.job(job.id).state is JobState.QUEUED


def test_what_was_opened_stays_open_while_the_page_changes(page: Tab, here: Site) -> None:
    job = here.submit()
    claim = here.start(job, EVENTS)
    page.open(f"{here.url}/jobs/{job.id}")
    prepare = "document.querySelector('[data-key=\"log prepare\"]')"
    page.until(f"{prepare} !== null")
    page.run(f"{prepare}.open = true; {prepare}.querySelector('summary').focus()")
    here.say(claim, (Warned(text="a word of warning"),))
    page.until("document.getElementById('log').textContent.includes('a word of warning')")
    assert page.run(f"{prepare}.open")
    assert page.run(f"document.activeElement === {prepare}.querySelector('summary')")


def test_what_the_model_says_is_shown_as_it_goes(page: Tab, here: Site) -> None:
    job = here.submit()
    here.start(job, EVENTS)
    page.open(f"{here.url}/jobs/{job.id}")
    path = RunFolder(runs_root(here.settings) / job.id).trajectory
    path.parent.mkdir(parents=True)
    trajectory = Trajectory(path)
    trajectory.add(Step(conversation="model", kind="answer", turn=1, text=f"first {EVIL}\nsecond"))
    page.until("document.querySelector('#model .said')?.textContent.includes('second')")
    trajectory.add(Step(conversation="model", kind="answer", turn=2, text="third"))
    page.until("document.querySelectorAll('#model .said').length === 2")
    said = "document.querySelector('#model .said').textContent"
    assert (
        page.run(said)
        == "first <script>document.title='owned'</script>\\x1b[31m\\u202e\\x00\nsecond"
    )
    assert page.run("document.title") == f"{job.id} · Repair"


def test_attempts_and_alternatives_side_by_side(page: Tab, here: Site, tmp_path: Path) -> None:
    first = here.submit()
    here.finish(here.start(first, EVENTS), tmp_path)
    second = here.store.retry(first.id)
    assert second.id != first.id
    here.submit("other")
    page.open(f"{here.url}/jobs/{second.id}")
    cells = "[...document.querySelectorAll('.attempts tr')].map(r => r.cells.length)"
    assert set(page.run(cells)) == {3}
    links = "[...document.querySelectorAll('.attempts th a')].map(a => a.pathname)"
    assert page.run(links) == [f"/jobs/{first.id}"]
    page.open(f"{here.url}/jobs/{first.id}")
    shown = "document.querySelector('#alternatives details')"
    page.run(f"{shown}.open = true")
    assert page.run(f"{shown}.querySelector('.added').textContent").startswith("+    return")


def test_plots_of_what_ended(page: Tab, here: Site, tmp_path: Path) -> None:
    job = here.submit(owner="ada")
    here.finish(here.start(job, EVENTS), tmp_path)
    with here.store.transaction() as connection:
        connection.execute(update(jobs).values(merged=True))
    Presence(here.store.engine).report("w@host", [Queue.INTERACTIVE], 3, "", "no <engine>")
    page.open(f"{here.url}/workers")
    text = page.text()
    assert "none: no <engine>" in text
    assert text.count("1 of 1") == 2, "with a patch, and merged"
    titles = "[...document.querySelectorAll('svg.plot')].map(s => s.getAttribute('aria-label'))"
    assert page.run(titles) == [
        "Jobs that ended, by hour; most: 1 job, 1 with a patch",
        page.run(titles)[1],
        "Jobs that ended, by day; most: 1 job, 1 with a patch",
        "Tokens of the model, by day; most: 120 tokens",
        "GPU time, by day; most: 2.5 s",
    ]
    tall = "[...document.querySelectorAll('svg.plot')].map(s => [...s.querySelectorAll('.bar')]"
    shown = page.run(f"{tall}.filter(b => b.getBoundingClientRect().height > 50).length)")
    assert shown == [1, shown[1], 1, 1, 1]
    page.open(f"{here.url}/jobs/{job.id}")
    assert "Pull request\nmerged" in page.text()
    secret = here.token(Scope.READ, owner="eve")
    log_in(page, here, secret)
    page.open(f"{here.url}/workers")
    assert "w@host" not in page.text()
    assert page.run("document.querySelectorAll('svg.plot').length") == 0


def test_on_a_phone_repository_state_and_age_are_left(page: Tab, here: Site) -> None:
    here.submit("git.example.com/ada/a-repository-with-quite-a-long-name")
    size = {"width": 360, "height": 700, "deviceScaleFactor": 1, "mobile": True}
    page.call("Emulation.setDeviceMetricsOverride", **size)
    try:
        page.open(f"{here.url}/")
        heads = "[...document.querySelectorAll('th')].filter(h => h.checkVisibility())"
        assert page.run(f"{heads}.map(h => h.textContent)") == ["Repository", "State", "Submitted"]
        table = "document.querySelector('.scroll')"
        assert page.run(f"{table}.scrollWidth <= {table}.clientWidth")
    finally:
        page.call("Emulation.clearDeviceMetricsOverride")


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
    page.until(f"document.querySelector('#rows a').pathname === '/jobs/{mine.id}'")
    assert other.id not in str(page.run("document.body.innerHTML"))
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
    for path in ("/", f"/jobs/{done.id}", f"/jobs/{waits.id}", "/submit", "/workers", "/login"):
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
