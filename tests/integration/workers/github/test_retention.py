"""Old deliveries and the commits of forgotten jobs leave."""

from __future__ import annotations

import os
import time

from tests.support.github_case import Case
from tests.support.github_payloads import labelled
from workers.forges.retention import MIN_SOURCE_AGE_SECONDS, prune


def test_commits_of_jobs_that_are_gone_leave_and_the_others_stay(case: Case) -> None:
    case.deliver("issues", labelled(case.issue()))
    case.handle()
    kept = case.github.sources / f"{case.job().id}.git"
    assert kept.is_dir()
    gone, young = (case.github.sources / f"{name}.git" for name in ("gone", "young"))
    for folder in (gone, young):
        folder.mkdir()
    old = time.time() - 2 * MIN_SOURCE_AGE_SECONDS
    for folder in (kept, gone):
        os.utime(folder, (old, old))
    prune(case.github, days=30.0)
    assert kept.is_dir()
    assert young.is_dir()
    assert not gone.exists()


def test_a_folder_that_another_process_removes_meanwhile_holds_up_nothing(case: Case) -> None:
    case.github.sources.mkdir(parents=True)
    for name in ("a", "z"):
        (case.github.sources / f"{name}.git").symlink_to(case.folder / "nowhere")
    gone = case.github.sources / "gone.git"
    gone.mkdir()
    os.utime(gone, (0, 0))
    prune(case.github, days=30.0)
    assert not gone.exists()
