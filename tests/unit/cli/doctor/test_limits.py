"""`repair doctor --deep` tells apart what holds and what does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agent.config import Settings
from cli.commands import doctor
from cli.doctor import limits
from cli.doctor.findings import Finding, State
from cli.doctor.limits import LimitExamination
from sandbox.engines.probe import ProbeReport, ProbeRow

ENGINE = Finding(name="Docker engine", state=State.OK, found="Podman 4.3.1, rootless, cgroup v2")


def examined(*, ok: bool) -> LimitExamination:
    rows = (
        ProbeRow(name="tried: memory", ok=True, detail="killed for memory"),
        ProbeRow(name="tried: processes", ok=ok, detail="exit code 0: 256"),
    )
    return LimitExamination(engine=ENGINE, report=ProbeReport(sandbox="docker", rows=rows))


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_exit_code_and_record(
    ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine_limits", lambda _: [examined(ok=ok)])
    assert doctor.run_deep_doctor(as_json=True, runtime=None) == code
    (found,) = json.loads(capsys.readouterr().out)["sandboxes"]
    assert found["enforced"] is ok
    assert found["engine"].startswith("Podman")
    assert [row["ok"] for row in found["limits"]] == [True, ok]


def test_the_table_names_what_is_not_enforced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine_limits", lambda _: [examined(ok=False)])
    assert doctor.run_deep_doctor(as_json=False, runtime=None) == 1
    said = capsys.readouterr().out
    assert "NOT ENFORCED  tried: processes" in said
    assert "1 of 2 hold." in said


def test_no_sandbox_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: Settings) -> Iterator[LimitExamination]:
        yield from ()

    monkeypatch.setattr(doctor, "examine_limits", none)
    assert doctor.run_deep_doctor(as_json=True, runtime=None) == 3


def test_with_a_runtime_docker_alone_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(ENGINE, state=State.MISSING)
    monkeypatch.setattr(limits, "docker_engine", lambda _: broken)
    monkeypatch.setattr(limits, "bubblewrap", lambda: pytest.fail("it has no runtime"))
    assert not list(limits.examine_limits(Settings(docker_runtime="runsc")))
