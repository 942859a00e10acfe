"""Make a generated test a part of the base, so that it is held to like the project's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agent.baseline.evidence import BaselineEvidence
from agent.records import GeneratedTest
from agent.runs.prepared import Prepared
from sandbox.runners.base import TestResult
from sandbox.snapshots.extended_snapshot import append_file, with_file
from sandbox.snapshots.snapshot import Snapshot


def content_of(test: GeneratedTest) -> bytes:
    """The test's file, whatever an issue or a model wrote into it: half a surrogate pair, too."""
    return test.text.encode("utf-8", "replace")


def extend_base(prepared: Prepared, base: Snapshot, folder: Path, test: GeneratedTest) -> Prepared:
    """The same base with the test in it: every session, snapshot and verdict that is opened with
    what is returned holds it. New files go into `folder`, which holds the run's snapshots.

    Raises ValueError when the test's path is taken.
    """
    content = content_of(test)
    extended_snapshot = with_file(base, test.path, content)
    source = extended_snapshot.tar
    if Path(prepared.source) != base.tar:  # the installation put files into the workspace
        source = folder / f"{extended_snapshot.digest}-{prepared.environment.key}.tar"
        append_file(Path(prepared.source), source, test.path, content)
    index = extended_snapshot.tar.with_suffix(".json").name
    project = prepared.project.with_new_test(test.path)
    return replace(prepared, snapshot=index, source=str(source), project=project)


def add_to_evidence(
    evidence: BaselineEvidence, results: Mapping[str, TestResult]
) -> BaselineEvidence:
    """The baseline with the generated tests as the first of the failing ones."""
    baseline = replace(evidence.baseline, failing=(*results, *evidence.baseline.failing))
    return replace(
        evidence,
        baseline=baseline,
        failures={**results, **evidence.failures},
        seconds={**evidence.seconds, **{t: r.seconds for t, r in results.items()}},
        order=(*evidence.order, *results),
        ending=None,
        reason="",
    )
