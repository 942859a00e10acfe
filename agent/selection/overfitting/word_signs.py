"""Signs of a patch in JavaScript or Go, found by words: what a repair may bring, and a cheat does.

There is no parser for these languages here. Nothing of this refuses a patch; it is shown with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.patches.constructs import go_constructs, javascript_constructs
from agent.patches.constructs.word_forms import more, text_of

_HIDES = "hides fields of objects from what compares them"
_SWALLOWS = "swallows exceptions"
_ASKS = "asks the machine, or the clock"
_JAVASCRIPT = {
    _SWALLOWS: r"\bcatch\s*\{(?![^{}]*\bthrow\b)[^{}]*\}|\bcatch\s*\(\s*([\w$]{1,100})\s*\)\s*\{"
    r"(?![^{}]*(?:\bthrow\b|(?<![\w$])\1(?![\w$])))[^{}]*\}"
    r"|\.\s*catch\s*\(\s*(?:\(\s*[\w$]*\s*\)|[\w$]+)\s*=>(?!\s*\{?[^{}\n]*\bthrow\b)"
    r"|\.\s*then\s*\(\s*(?:null|undefined|[\w$]+)\s*,"
    r"|\bfinally\s*\{[^{}]*\b(?:return|break|continue)\b|\ballSettled\s*\(",
    _HIDES: r"\bthis\s*\.\s*#[\w$]+\s*=(?!=)|\bnew\s+WeakMap\b"
    r"|\bdefineProper(?:ty|ties)\s*\(\s*this\b|\benumerable\s*:\s*false\b"
    r"|(?<![\w$.])toJSON\s*[(:]",
    "makes an error of its own one that every program has": r"(?<![\w$])[\w$.]+\s*=\s*"
    r"(?:Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error\s*(?:[;,\n]|\Z)",
    _ASKS: r"\bfs\s*\.\s*\w+|\bos\s*\.\s*\w+|\bperformance\s*\.\s*\w+|\bDate\s*\.\s*now\b"
    r"|\bnew\s+Date\s*\(\s*\)|(?<![\w$.])fetch\s*\(|\b(?:read|write|exists|stat|lstat|access|open"
    r"|readdir)(?:File)?Sync\s*\("
    r"|[\"'`](?:node:)?(?:dgram|dns|fs|http|http2|https|net|os|tls|tty)(?:/promises)?[\"'`]",
}
_GO = {
    _ASKS: r"\bos\s*\.\s*(?:DirFS|Getpagesize|Lstat|Open\w*|Read\w+|Stat|TempDir|User\w+Dir)\b"
    r"|\bfilepath\s*\.\s*(?:Abs|EvalSymlinks|Glob|Walk\w*)\b|\btime\s*\.\s*Now\b"
    r"|\bnet\s*\.\s*(?:Dial\w*|Interface\w*|Listen\w*|Lookup\w*)\b"
    r"|\bhttp\s*\.\s*(?:Get|Head|Post)\b",
    "does not wait for what it starts": r"(?<![\w.])go\s+(?:func\b|[\w.]+\s*\()",
    "makes one error another": r"\bUnwrap\s*\(\s*\)\s*\[\s*\]\s*error\b"
    r"|\bErr[A-Z]\w*\s*(?:error\s*)?="
    r"\s*(?!=)(?:\w+\s*\.\s*)?(?:Err[A-Z]\w*|EOF|[a-z]\w*)\s*(?:\n|;|\Z)",
}
_SCRIPTS = (".js", ".cjs", ".mjs", ".jsx", ".ts", ".cts", ".mts", ".tsx")
_SIGNS = {
    suffixes: {sign: re.compile(pattern) for sign, pattern in patterns.items()}
    for suffixes, patterns in ((_SCRIPTS, _JAVASCRIPT), ((".go",), _GO))
}


def word_signs(path: str, old: bytes | None, new: bytes | None) -> Iterator[str]:
    """Signs that the new text carries more often than the old one."""
    for suffixes, patterns in _SIGNS.items():
        if path.endswith(suffixes) and new is not None:
            before, after = _code(path, old), _code(path, new)
            for sign, pattern in patterns.items():
                form = more(pattern, before, after)
                if form is not None:
                    yield f"{sign}: `{form[:40]}`"


def _code(path: str, content: bytes | None) -> str:
    if path.endswith(_SCRIPTS):
        return javascript_constructs.code_of(content)
    return go_constructs.code_of(text_of(content))
