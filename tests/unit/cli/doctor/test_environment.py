from __future__ import annotations

import pytest

from cli.doctor import environment
from cli.doctor.environment import own_environment
from cli.doctor.findings import State


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with this program, what it needs, and what makes environments."""
    needs = {"repair-agent": ['Typer>=0.29; extra == "x"'], "typer": ["rich"], "rich": []}
    monkeypatch.setattr(environment, "requires", lambda name: needs[name])
    monkeypatch.setattr(environment, "_installed", lambda: {*needs, "pip"})
    monkeypatch.setattr(environment, "packages_distributions", lambda: {"cli": ["repair_agent"]})
    return monkeypatch


def test_an_environment_of_its_own(alone: pytest.MonkeyPatch) -> None:
    assert own_environment().state is State.OK


def test_one_that_it_shares(alone: pytest.MonkeyPatch) -> None:
    alone.setattr(environment, "_installed", lambda: {"repair-agent", "rich", "django"})
    finding = own_environment()
    assert finding.state is State.PARTLY
    assert finding.found.endswith("shared with django")
    assert "pipx" in finding.advice


def test_another_package_with_a_module_of_that_name(alone: pytest.MonkeyPatch) -> None:
    owners = {"agent": ["repair-agent", "some_agent"]}
    alone.setattr(environment, "packages_distributions", lambda: owners)
    finding = own_environment()
    assert finding.state is State.BROKEN
    assert "`agent` is a module of some-agent, too" in finding.found
