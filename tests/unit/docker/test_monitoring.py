"""Alert rules and dashboard ask for what the service measures, under its names and labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from agent.records import Status
from tests.support.documents import TOP, document
from workers.config import ServiceSettings
from workers.records import JobState, Queue
from workers.store.store import open_store
from workers.web.metrics.counters import JobCounters

FOLDER = TOP / "docker" / "monitoring"
LABELS = {
    "queue": {queue.value for queue in Queue},
    "state": {state.value for state in JobState},
    "outcome": {*Status, *JobState},
    "job": {"repair"},
}
"""Label → the values that the service gives it, and Prometheus' own."""
OF_PROMETHEUS = {"up"}


def rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    return found


def expressions() -> Iterator[tuple[str, str]]:
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in panels():
        for target in panel["targets"]:  # type: ignore[attr-defined]
            yield f"{panel['title']} {target['refId']}", target["expr"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Names of all series that /metrics gives; those of counters come with their first job."""
    folder: Path = tmp_path_factory.mktemp("metrics")
    store = open_store(ServiceSettings(state_dir=folder))
    try:
        store.migrate()
        counters = JobCounters(store.engine)
        counters.ended.labels("repaired").inc()
        counters.stage.labels("propose").observe(1)
        text = generate_latest(counters.registry).decode()
    finally:
        store.close()
    return frozenset(re.findall(r"^(repair_\w+)", text, re.MULTILINE))


@pytest.mark.parametrize(("name", "expression"), tuple(expressions()))
def test_each_series_is_measured(name: str, expression: str, measured: frozenset[str]) -> None:
    asked = set(re.findall(r"\b(repair_\w+|up)\b(?!\")", expression))
    assert asked, name
    assert asked <= measured | OF_PROMETHEUS


@pytest.mark.parametrize(("name", "expression"), tuple(expressions()))
def test_each_label_has_such_values(name: str, expression: str) -> None:
    for label, values in re.findall(r'(\w+)=~?"([^"]+)"', expression):
        assert set(values.split("|")) <= LABELS[label], name


def test_each_rule_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")  # type: ignore[index]
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


def test_panels_do_not_overlap() -> None:
    places = [tuple(panel["gridPos"].items()) for panel in panels()]  # type: ignore[attr-defined]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_what_the_service_measures_is_told_in_the_documents(measured: frozenset[str]) -> None:
    section = document("docs/service.md").section("## Health, metrics, logs, traces")
    told = set(re.findall(r"`(repair_\w+)`", section))
    names = {name for name in measured if not name.endswith("_created")}
    assert {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in names} <= told
