"""Runs PyGGI's repair search on one QuixBugs project and counts the candidates it validated.

Run by an interpreter that has PyGGI 2.0 (github.com/coinse/pyggi; the PyPI project of that name
is something else): `python peer_pyggi.py PROJECT PROGRAM SECONDS`.
"""

import json
import os
import random
import re
import sys
import tempfile
import time
from pathlib import Path


def main(project, program, seconds):
    os.chdir(tempfile.mkdtemp(prefix="peer-pyggi-"))
    from pyggi.algorithms import LocalSearch
    from pyggi.tree import StmtDeletion, StmtInsertion, StmtReplacement, TreeProgram

    class Program(TreeProgram):
        def compute_fitness(self, result, _code, stdout, _stderr, _seconds):
            failed = re.findall("([0-9]+) (?:failed|error)", stdout)
            passed = re.findall("([0-9]+) passed", stdout)
            if failed or passed:
                result.fitness = sum(map(int, failed))
            else:
                result.status = "PARSE_ERROR"

    class Search(LocalSearch):
        def get_neighbour(self, patch):
            if len(patch) > 0 and random.random() < 0.5:
                patch.remove(random.randrange(len(patch)))
            else:
                operator = random.choice([StmtReplacement, StmtInsertion, StmtDeletion])
                patch.add(operator.create(self.program))
            return patch

        def stopping_criterion(self, _iteration, fitness):
            return fitness == 0 or time.monotonic() - started > seconds

    random.seed(1)
    pytest = f"{Path(sys.executable)} -m pytest -q python_testcases"
    config = {"target_files": [program], "test_command": pytest}
    search = Search(Program(project, config=config))
    counted = 0
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        for epoch in search.run(warmup_reps=0, epoch=1, max_iter=20, timeout=10, verbose=False):
            counted += epoch["FitnessEval"]
    spent = time.monotonic() - started
    print("RESULT " + json.dumps({"candidates": counted, "seconds": spent}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
