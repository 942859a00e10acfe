"""Votes: patches that several conversations came to by themselves are likelier to be right.

After Agentless (Xia et al. 2024): a patch is normalised to the syntax tree of what it makes of
each file, so that comments, blank lines and quotes do not count.
"""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from agent.patches.changes import FileChange
from agent.records import CandidatePatch, PlausiblePatch
from agent.selection.patch_ranking import is_models_choice
from sandbox.syntax import parse_module

VOTE_WEIGHT = 0.05
"""Added to the selection score for each further conversation with the same patch."""

ChangesOf = Callable[[CandidatePatch], Mapping[str, FileChange]]


def normalised(changes: Mapping[str, FileChange]) -> str:
    """A digest, equal for patches that leave the same program."""
    digest = hashlib.blake2b(digest_size=16)
    for path, (_, new) in sorted(changes.items()):
        digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + _tree(new) + b"\0")
    return digest.hexdigest()


def with_votes(patches: Sequence[PlausiblePatch], changes_of: ChangesOf) -> list[PlausiblePatch]:
    """The patches with their votes in the score; the same program from several conversations
    once. Only what a model made or chose has votes: the search tries each edit once."""
    keys = [normalised(changes_of(patch.candidate)) for patch in patches]
    votes: Counter[str] = Counter()
    for key, patch in zip(keys, patches, strict=True):
        votes[key] += max(patch.votes, int(is_models_choice(patch)))
    best: dict[tuple[str, int], PlausiblePatch] = {}
    for index, (key, patch) in enumerate(zip(keys, patches, strict=True)):
        score = patch.score + VOTE_WEIGHT * max(votes[key] - 1, 0)
        program = (key, -1 if is_models_choice(patch) else index)
        if program not in best or score > best[program].score:
            reason = patch.chosen or (best[program].chosen if program in best else "")
            best[program] = replace(patch, score=score, votes=votes[key], chosen=reason)
    return list(best.values())


def _tree(content: bytes | None) -> bytes:
    if content is None:
        return b"removed"
    try:
        return ast.dump(parse_module(content)).encode("utf-8", "surrogatepass")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return content
