"""Make a generated test a part of the base, so that it is held to like the project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.baseline.take import BaselineEvidence
from agent.graph.run_context import Workbench
from agent.graph.state import RepairState
from agent.records import GeneratedTest
from agent.serialization import plain
from sandbox.runners.base import TestResult
from sandbox.snapshots.addition import append_file, with_file


def add_to_base(state: RepairState, bench: Workbench, test: GeneratedTest) -> dict[str, Any]:
    """The update after which every session, snapshot and verdict holds the test.

    Raises ValueError when its path is taken.
    """
    prepared = bench.prepared(state)
    base, content = bench.snapshot(state), test.text.encode("utf-8", "replace")
    added = with_file(base, test.path, content)
    source = added.tar
    if Path(prepared.source) != base.tar:  # the installation put files into the workspace
        source = bench.folder.snapshot / f"{added.digest}-{prepared.environment.key}.tar"
        append_file(Path(prepared.source), source, test.path, content)
    index = added.tar.with_suffix(".json").name
    bench.forget_base()
    return {"prepared": plain(replace(prepared, snapshot=index, source=str(source)))}


def add_to_evidence(
    evidence: BaselineEvidence, results: Mapping[str, TestResult]
) -> BaselineEvidence:
    """The baseline with the generated tests among the failing ones."""
    baseline = replace(evidence.baseline, failing=(*evidence.baseline.failing, *results))
    return replace(
        evidence,
        baseline=baseline,
        failures={**evidence.failures, **results},
        seconds={**evidence.seconds, **{t: r.seconds for t, r in results.items()}},
        order=(*evidence.order, *results),
        ending=None,
        reason="",
    )
