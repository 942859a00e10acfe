"""Tests inside of sources that a patch may edit around them."""

from __future__ import annotations

from agent.patches.constructs.word_forms import text_of
from agent.source.rust.test_regions import regions_of_tests


def touched_tests(old: bytes, new: bytes) -> str:
    """What a patch does to the tests inside of a Rust source, as the end of a sentence; empty where
    they stay as they are."""
    before, after = text_of(old), text_of(new)
    base = [region.text for region in regions_of_tests(before)]
    patched = [region.text for region in regions_of_tests(after)]
    if base == patched:
        return ""
    for region in regions_of_tests(before):
        if region.text not in patched:
            line = before.count("\n", 0, region.start) + 1
            return f"the patch changes tests inside of the source (line {line})"
    return "the patch adds tests, or code for tests alone, inside of the source"
