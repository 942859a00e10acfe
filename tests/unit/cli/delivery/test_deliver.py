"""From a run's folder to the target: real snapshots, real git repositories."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Settings
from agent.patches.changes import diff_bytes, diff_text, unified_diff
from agent.records import RepairJob, RepairResult, Status
from agent.runs.folder import RunFolder, new_folder
from cli.commands.repair import finish
from cli.delivery.deliver import commit_message, deliver, save
from cli.errors import ApplyRefused
from cli.exit_codes import ExitCode
from cli.options.request import DeliveryOptions, DisplayOptions
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot
from tests.support.cli_records import make_result, plausible_in_part, plausible_result

OLD = "x = 'größe'\r\ny = 1\r\n".encode("latin-1")
NEW = OLD.replace(b"y = 1", b"y = 2")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    root = tmp_path / "my project"
    (root / "src").mkdir(parents=True)
    (root / "src" / "money.py").write_bytes(OLD)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        _git(root, *words)
    return root


def _git(root: Path, *words: str) -> bytes:
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "core.autocrlf=false")
    argv = ["git", "-C", str(root), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def run_on(target: Path, tmp_path: Path) -> tuple[RunFolder, RepairResult]:
    """What a finished run of the target leaves in the state folder."""
    folder = new_folder(Settings(state_dir=tmp_path / "state"), "20261122-103000-3fa2")
    folder.save_job(RepairJob(run_id=folder.run_id, target=str(target)))
    take_snapshot(resolve(str(target), None, tmp_path / "scratch"), folder.snapshot).save()
    result = make_result()
    assert result.patch is not None
    diff = unified_diff({"src/money.py": (OLD, NEW)})
    folder.patch.write_bytes(diff)
    return folder, replace(result, patch=replace(result.patch, diff=diff_text(diff)))


def test_saved_in_the_folder_of_the_run_or_where_asked(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    assert save(result, folder.patch, DeliveryOptions()) == folder.patch
    output = tmp_path / "fix.diff"
    assert save(result, folder.patch, DeliveryOptions(output=output)) == output
    _git(target, "apply", "--check", str(output))
    assert save(replace(result, patch=None), folder.patch, DeliveryOptions(output=output)) is None


def test_nothing_is_written_unasked(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    delivery = deliver(result, folder, folder.patch, DeliveryOptions())
    assert delivery.target == str(target)
    assert not delivery.applied
    assert _git(target, "status", "--porcelain") == b""


def test_apply_to_a_file_that_is_latin_1_with_crlf(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    delivery = deliver(result, folder, folder.patch, DeliveryOptions(apply=True))
    assert delivery.applied == ("src/money.py",)
    assert (target / "src" / "money.py").read_bytes() == NEW


@pytest.mark.parametrize("status", [Status.REPAIRED, Status.REPAIRED_IN_PART, Status.PLAUSIBLE])
def test_only_what_is_repaired_is_applied_where_that_was_asked(
    status: Status, target: Path, tmp_path: Path
) -> None:
    folder, result = run_on(target, tmp_path)
    before = (target / "src" / "money.py").read_bytes()
    ended = replace(result, status=status)
    delivery = deliver(ended, folder, folder.patch, DeliveryOptions(apply_repaired=True))
    is_applied = status is not Status.PLAUSIBLE
    assert bool(delivery.applied) == is_applied
    assert delivery.target == str(target)
    assert ((target / "src" / "money.py").read_bytes() != before) == is_applied


def test_apply_beside_other_changes(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    (target / "new.py").write_text("unrelated\n")
    deliver(result, folder, folder.patch, DeliveryOptions(apply=True))
    assert (target / "src" / "money.py").read_bytes() == NEW


def test_apply_refuses_a_file_changed_far_from_the_patch(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    (target / "src" / "money.py").write_bytes(OLD + b"z = 3\r\n" * 50)
    with pytest.raises(ApplyRefused, match=r"changed since .*\. The patch is saved: .*patch\.diff"):
        deliver(result, folder, folder.patch, DeliveryOptions(apply=True))
    assert (target / "src" / "money.py").read_bytes() == OLD + b"z = 3\r\n" * 50


def test_branch_of_a_clean_tree(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    assert deliver(result, folder, folder.patch, DeliveryOptions(branch="fix")).branch == "fix"
    assert _git(target, "cat-file", "blob", "fix:src/money.py") == NEW
    assert (target / "src" / "money.py").read_bytes() == OLD
    assert b"comparison" not in _git(target, "log", "-1", "--format=%B", "fix")


def test_a_description_adds_no_lines_to_the_message(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    assert result.patch is not None
    candidate = replace(result.patch.candidate, description="x\n\nSigned-off-by: Y [skip ci]")
    result = replace(result, patch=replace(result.patch, candidate=candidate))
    deliver(result, folder, folder.patch, DeliveryOptions(branch="fix"))
    message = _git(target, "log", "-1", "--format=%B", "fix").decode()
    assert message.startswith(r"Fix: x\n\nSigned-off-by: Y [s")
    assert "[skip ci]" not in message


def test_branch_starts_at_the_commit_the_run_saw(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    seen = _git(target, "rev-parse", "HEAD")
    _git(target, "commit", "-q", "--allow-empty", "-m", "later")
    deliver(result, folder, folder.patch, DeliveryOptions(branch="fix"))
    assert _git(target, "rev-parse", "fix^") == seen


def test_branch_refuses_what_is_not_committed(target: Path, tmp_path: Path) -> None:
    (target / "src" / "money.py").write_bytes(OLD + b"# not committed\r\n")
    folder, result = run_on(target, tmp_path)
    with pytest.raises(ApplyRefused, match="not committed"):
        deliver(result, folder, folder.patch, DeliveryOptions(branch="fix"))


def test_a_folder_without_git(tmp_path: Path) -> None:
    target = tmp_path / "plain"
    (target / "src").mkdir(parents=True)
    (target / "src" / "money.py").write_bytes(OLD)
    folder, result = run_on(target, tmp_path)
    with pytest.raises(ApplyRefused, match="not in a git repository"):
        deliver(result, folder, folder.patch, DeliveryOptions(branch="fix"))
    deliver(result, folder, folder.patch, DeliveryOptions(apply=True))
    assert (target / "src" / "money.py").read_bytes() == NEW


def test_the_diff_survives_as_text(target: Path, tmp_path: Path) -> None:
    folder, result = run_on(target, tmp_path)
    assert result.patch is not None
    assert diff_bytes(result.patch.diff) == folder.patch.read_bytes()


def test_an_output_that_is_refused_keeps_nothing_else_back(
    target: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, result = run_on(target, tmp_path)
    mine = tmp_path / "mine"
    mine.write_text("mine")
    (target / "fix.diff").symlink_to(mine)
    delivery_options = DeliveryOptions(output=target / "fix.diff", apply=True)
    assert finish(result, folder, delivery_options, DisplayOptions()) == ExitCode.BAD_INPUT
    said = capsys.readouterr()
    assert "symbolic link" in said.err
    assert "money.py" in said.out
    assert mine.read_text() == "mine"
    assert (target / "src" / "money.py").read_bytes() == NEW


def test_the_first_line_of_the_commit_claims_no_more_than_the_run() -> None:
    change = "`<=` → `<` in src/money.py:2"
    first_lines = [
        commit_message(result).partition("\n")[0]
        for result in (make_result(), plausible_result(), plausible_in_part())
    ]
    assert first_lines == [
        f"Fix: {change}",
        f"Plausible, 45 % sure: {change}",
        f"Plausible in part, 45 % sure: {change}",
    ]
