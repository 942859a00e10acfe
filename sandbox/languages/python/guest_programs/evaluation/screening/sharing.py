"""Which candidates share a fork, and which of their outcomes are believed.

Python 3.8+, standard library only.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple

Job = Dict[str, Any]

FORKS_TO_JUDGE = 4
"""After so many forks in a row that were no gain, none is shared any more."""


class Decided(NamedTuple):
    """A candidate with its outcome."""

    job: Job
    verdict: Dict[str, Any]


class Outcome(NamedTuple):
    """What became of the members of one fork."""

    decided: List[Decided]
    again: List[Job]
    """To run again, in order."""


class Sharing:
    """Learns how the targets fail on the base, and whether sharing forks is of use."""

    def __init__(self, targets: List[str], members: int) -> None:
        """`members` share a fork at most."""
        self._targets = targets
        self._members = members
        self._expected: Dict[str, str] = {}
        self.is_possible = False
        """Whether the process that is forked can tell what a candidate leaves behind."""
        self._useless = 0

    def expect(self, target: str, signature: str) -> None:
        """How a target fails on the base, called without pytest, as it does under it."""
        self._expected[target] = signature

    @property
    def is_useful(self) -> bool:
        return self.is_possible and self._members > 1 and self._useless < FORKS_TO_JUDGE

    def takes(self, job: Job) -> bool:
        """Whether this candidate may share a fork."""
        is_plain = job["mode"] == "fast" and not job.get("probe") and job.get("observe") is None
        return is_plain and not (job.get("alone") or job.get("full") or job.get("patient"))

    def is_ready(self) -> bool:
        return self.is_useful and all(target in self._expected for target in self._targets)

    def size(self, waiting: int, free_workers: int) -> int:
        """Candidates for the next fork, so that every processor has some."""
        return min(self._members, -(-waiting // max(1, free_workers)))

    def job(self, members: List[Job]) -> Job:
        expected = {target: self._expected[target] for target in self._targets}
        return {"mode": "fast", "edits": [], "members": members, "expected": expected}

    def ended(self, job: Job, message: Dict[str, Any]) -> Outcome:
        """The child's last word: "confirmed" by a run of the base, "changed" where the last of the
        candidates left something behind, "differs" where the base no longer fails as it did."""
        verdicts: List[Dict[str, Any]] = message["verdicts"]
        tried, rest = job["members"][: len(verdicts)], job["members"][len(verdicts) :]
        ran_count = sum(map(_ran, verdicts))
        how = message["shared"]
        # What ran first ran in a fresh fork, whatever it left behind.
        is_believed = how == "confirmed" or (how == "changed" and ran_count == 1)
        decided: List[Decided] = []
        again: List[Job] = []
        for member, verdict in zip(tried, verdicts):  # noqa: B905 - `strict` came with 3.10
            if "again" in verdict:
                again.append(_marked(member, verdict["again"]))
            elif is_believed or not _ran(verdict):
                decided.append(Decided(member, verdict))
            elif how == "differs" or member is tried[-1]:
                again.append(_marked(member, "alone"))
            else:
                again.append(member)
        self._judge(how, ran_count)
        return Outcome(decided, again + rest)

    def _judge(self, how: str, ran_count: int) -> None:
        if how == "differs":
            self._useless = FORKS_TO_JUDGE
        elif how == "changed":
            self._useless += 1
        elif ran_count > 1:
            self._useless = 0

    def broken(self, job: Job, member: int, mark: str) -> List[Job]:
        """All members, to run again, where this one ended the process or ran out of time."""
        self._useless += 1
        members: List[Job] = job["members"]
        members[member] = _marked(members[member], mark)
        return members


def _ran(verdict: Dict[str, Any]) -> bool:
    """Whether the tests of a candidate ran: what does not compile or needs an import did not."""
    return verdict.get("state") == "target_failed" or verdict.get("again") == "full"


def _marked(job: Job, mark: str) -> Job:
    """The job with what is different when it runs again: a mode, or a flag."""
    if mark in ("exact", "disk"):
        job["mode"] = mark
    else:
        job[mark] = True
    return job
