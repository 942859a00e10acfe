"""Sandboxes weigh, together, what the process weighs that opened them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.isolation.cgroup import group_parents, remove_group
from sandbox.isolation.processor_share import NORMAL_SHARES, cpu_shares, shared_parents

SCRIPT = """
import json, os, sys, tempfile
from pathlib import Path
from sandbox.engines.bubblewrap import BubblewrapSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.isolation.cgroup import group_parents
from sandbox.isolation.owner import this_process
from tests.support.sandbox_case import SMALL, pack_tar

os.nice(int(sys.argv[1]))
with tempfile.TemporaryDirectory() as folder:
    box = BubblewrapSandbox(BuildSettings(cache_dir=Path(folder)))
    tar = pack_tar(Path(folder, "a.tar"), {"a": b""})
    mount = next(m for m in group_parents() if len(group_parents()) == 1 or m.endswith("/cpu"))
    share = group_parents()[mount] / f"{this_process().name}-share"
    with box.open(box.bare(), tar, SMALL) as one, box.open(box.bare(), tar, SMALL) as two:
        weight = [f for f in ("cpu.shares", "cpu.weight") if (share / f).exists()][0]
        nice = two.run(["nice"], timeout_seconds=60).stdout
        auto = two.run(["cat", "/proc/self/autogroup"], timeout_seconds=60).stdout
        found = {
            "groups": len(list(share.glob("repair-*"))),
            "weight": int((share / weight).read_text()),
            "kind": weight,
            "nice": int(nice),
            "autogroup": auto.strip(),
        }
    print(json.dumps(found | {"left": share.exists()}))
"""


@pytest.mark.parametrize("nice", [0, 10])
def test_all_sandboxes_lie_in_one_group_of_our_own_weight(nice: int) -> None:
    if not group_parents():
        pytest.skip("no control groups can be made here")
    argv = [sys.executable, "-c", SCRIPT, str(nice)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    normal = NORMAL_SHARES if found["kind"] == "cpu.shares" else 100
    assert found["groups"] == 2
    assert found["nice"] == nice
    assert found["weight"] == round(normal * cpu_shares(nice) / NORMAL_SHARES)
    assert not found["left"]


def test_a_share_follows_the_nice_value_by_the_kernels_table() -> None:
    # https://docs.kernel.org/scheduler/sched-nice-design.html and sched_prio_to_weight
    assert [cpu_shares(nice) for nice in (0, 1, 19)] == [1024, 819, 15]


def test_in_the_unified_hierarchy_our_own_groups_weight_and_limit_count(tmp_path: Path) -> None:
    own = tmp_path / "slice" / "unit"
    own.mkdir(parents=True)
    (tmp_path / "slice" / "cpu.weight").write_text("40\n")
    (tmp_path / "slice" / "cpu.max").write_text("max 100000\n")
    (own / "cpu.weight").write_text("900\n")
    (own / "cpu.max").write_text("50000 100000\n")
    (share,) = shared_parents({"/sys/fs/cgroup": tmp_path}, own).values()
    assert share.parent == tmp_path
    assert (share / "cpu.weight").read_text() == "40"
    assert (share / "cpu.max").read_text() == "50000 100000"


def test_groups_within_a_group_that_a_killed_process_left_are_removed(tmp_path: Path) -> None:
    (tmp_path / "repair-1-2-share" / "repair-1-2-aaaa").mkdir(parents=True)
    remove_group(tmp_path / "repair-1-2-share")
    assert not (tmp_path / "repair-1-2-share").exists()
