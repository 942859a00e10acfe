"""JUnit XML of other people's commands."""

from __future__ import annotations

import pytest

from sandbox.languages.python.runners.choose_runner import junit_path
from sandbox.runners.base import Outcome
from sandbox.runners.junit import NotJUnit, parse_junit

REPORT = b"""<testsuites><testsuite>
<testcase classname="pkg.A" name="ok" time="0.5"/>
<testcase classname="pkg.A" name="bad"><failure message="first&#10;1 != 2">trace</failure>
</testcase>
<testcase name="alone"><error message="boom"/></testcase>
<testcase classname="pkg.A" name="left"><skipped message="why"/></testcase>
<testcase classname="pkg.A" name="ok" time="0.1"><failure message="the second time"/></testcase>
</testsuite></testsuites>"""


def test_outcomes_messages_and_the_worse_of_two() -> None:
    results = parse_junit(REPORT)
    assert {name: result.outcome for name, result in results.items()} == {
        "pkg.A::ok": Outcome.FAILED,
        "pkg.A::bad": Outcome.FAILED,
        "alone": Outcome.ERROR,
        "pkg.A::left": Outcome.SKIPPED,
    }
    assert results["pkg.A::bad"].message == "1 != 2"
    assert results["pkg.A::bad"].details == "trace"


@pytest.mark.parametrize(
    "data", [b"<testsuites>", b"<html/>", b'<!DOCTYPE a [<!ENTITY b "c">]><testsuites/>']
)
def test_what_is_not_junit_is_refused(data: bytes) -> None:
    with pytest.raises(NotJUnit):
        parse_junit(data)


def test_the_report_is_found_in_the_command() -> None:
    assert junit_path(("tool", "--junitxml=a.xml")) == "a.xml"
    assert junit_path(("tool", "--xunit-file", "b.xml", "x")) == "b.xml"
    assert junit_path(("tool", "-v")) is None
