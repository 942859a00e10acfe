"""How many tasks would tell a difference."""

from __future__ import annotations

import math
from statistics import NormalDist

from agent.evaluation.statistics.intervals import Z
from agent.evaluation.statistics.paired import PairedCounts

POWER = 0.8
_Z_POWER = NormalDist().inv_cdf(POWER)


def tasks_to_tell_pairs(pairs: PairedCounts) -> int | None:
    """Tasks with which McNemar's test would tell the difference seen, at 5 % and with a power of
    80 %, if the models go on to differ as often as here (Connor 1987). None where none is seen."""
    difference = abs(pairs.difference)
    if difference == 0:
        return None
    apart = (pairs.first + pairs.second) / pairs.number
    under = max(0.0, apart - difference * difference)
    return math.ceil(((Z * math.sqrt(apart) + _Z_POWER * math.sqrt(under)) / difference) ** 2)


def tasks_to_tell_share(seen: float, claimed: float) -> int | None:
    """Tasks with which a share like the one seen would be told from the claimed one, at 5 % and
    with a power of 80 %. None where they are equal."""
    if seen == claimed:
        return None
    spread = Z * math.sqrt(claimed * (1 - claimed)) + _Z_POWER * math.sqrt(seen * (1 - seen))
    return math.ceil((spread / (seen - claimed)) ** 2)
