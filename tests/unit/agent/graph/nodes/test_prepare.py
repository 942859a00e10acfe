"""What a job says of the project."""

from __future__ import annotations

from pathlib import Path

from agent.graph.nodes.prepare import understood
from agent.records import RepairJob
from sandbox.languages.javascript.detection.project import JavaScriptProject
from tests.support.snapshot_case import snapshot_of

PACKAGE = '{"scripts": {"test": "node --test"}}'
TEST = "require('node:test')"
FILES = {
    "package.json": '{"workspaces": ["packages/*"]}',
    **{f"packages/{name}/package.json": PACKAGE for name in "ab"},
    **{f"packages/{name}/test/x.test.js": TEST for name in "ab"},
}


def test_tests_that_a_job_names_say_which_package_is_meant(tmp_path: Path) -> None:
    job = RepairJob(run_id="r", target=".", only=("packages/b/test/x.test.js::x",))
    snapshot = snapshot_of(tmp_path, FILES)
    folders = []
    # A verification names the failing tests of its file, and is not to be narrowed by them.
    for tests in (job.only, ()):
        project = understood(snapshot, job, tests)
        assert isinstance(project, JavaScriptProject)
        folders.append([package.folder for package in project.packages])
    assert folders == [["packages/b"], ["packages/a", "packages/b"]]
