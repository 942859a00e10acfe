"""What is new in a patch of Rust and has no business in a repair: it could steer the tests instead
of the code.

There is no parser for it here, so it is found by words outside of comments. What hides behind other
words is left to the layers that run the patch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.patches.constructs.word_forms import additions, text_of
from agent.source.rust.code import masked

_PATTERNS = {
    effect: re.compile(pattern)
    for effect, pattern in {
        "builds another thing for the tests than for people": r"\bcfg\s*!\s*\("
        r"|\bdebug_assertions\b|#\s*!?\s*\[\s*cfg(?:_attr)?\b",
        "brings a test": r"#\s*\[\s*(?:\w+\s*::\s*)*(?:test|bench|ignore|should_panic)\b",
        "ends or steers the process": r"\bprocess\s*::\s*(?:exit|abort|id|Command)\b"
        r"|\bstd\s*::\s*process\b|\bstd\s*::\s*\{[^;]*\b(?:env|process|fs|net|os)\b|\bexit\s*\("
        r"|\babort\s*\("
        r"|\bset_hook\b|\btake_hook\b|\bset_var\b|\bremove_var\b|\bset_current_dir\b",
        "reads which environment the code runs in": r"\bstd\s*::\s*env\b|\benv\s*!"
        r"|\benv\s*::\s*(?:args|vars?|current|temp|home|consts)"
        r"|\boption_env\s*!|\bcurrent_exe\b|\bthread\s*::\s*current\b",
        "looks at who calls it": r"\bBacktrace\b|\btrack_caller\b|\bLocation\s*::\s*caller\b",
        "catches what a test would see": r"\bcatch_unwind\b|\bresume_unwind\b|\bpanicking\s*\(",
        "goes around what the compiler checks": r"\bunsafe\b|\bextern\s*(?:crate|\"|\{|\s)"
        r"|\basm\s*!|\btransmute\b|\bno_mangle\b|\blink_section\b|\bexport_name\b|\bctor\b",
        "takes another file or macro in": r"\binclude(?:_str|_bytes)?\s*!|#\s*!?\s*\[\s*path\b"
        r"|\bmacro_rules\s*!|#\s*!\s*\[\s*(?:no_main|no_std|feature|test_runner)\b",
        "reaches outside of the program": r"\bstd\s*::\s*(?:fs|net|os)\b|\bfs\s*::|\bFile\s*::"
        r"|\bTcpStream\b|\bUdpSocket\b|\bstdout\s*\(|\bfrom_raw_fd\b",
    }.items()
}


def new_forms(path: str, old: bytes | None, new: bytes) -> Iterator[str]:
    """One sentence for each kind of form that the patch brings."""
    before, after = text_of(old), text_of(new)
    yield from additions(path, _PATTERNS, masked(before), masked(after))
