"""Runs FixKit on one QuixBugs project for a time and counts the candidates it validated.

Run by the interpreter that has FixKit: `python peer_fixkit.py PROJECT SECONDS WORKERS`.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path


class Over(BaseException):
    pass


def alarm(_number, _frame):
    raise Over


def main(project, seconds, workers):
    scratch = Path(tempfile.mkdtemp(prefix="peer-fixkit-"))
    os.chdir(scratch)
    # FixKit starts `python` by that name.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    from fixkit.localization.coverage import CoverageLocalization
    from fixkit.repair.pygenprog import PyGenProg

    repair = PyGenProg.from_source(
        src=project,
        excludes=["python_testcases", "conftest.py"],
        localization=CoverageLocalization(
            project, cov="python_programs", metric="Ochiai", tests=["python_testcases"]
        ),
        population_size=40,
        max_generations=10_000,
        w_mut=0.06,
        workers=workers,
        out=scratch / "work",
    )
    repair.prepare_repair()
    before = len(repair.fitness.pre_calculated)
    started = time.monotonic()
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with contextlib.suppress(Over):
        repair.repair_loop()
    spent = time.monotonic() - started
    counted = len(repair.fitness.pre_calculated) - before
    print("RESULT " + json.dumps({"candidates": counted, "seconds": spent}), flush=True)
    os._exit(0)  # its worker threads would go on


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
