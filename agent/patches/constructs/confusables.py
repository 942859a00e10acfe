"""Names and texts that read as something else than they are: look-alike and unseen letters.

After Boucher and Anderson, "Trojan Source" (CVE-2021-42574), and Unicode's TR 36 and TR 39.
"""

from __future__ import annotations

import builtins
import io
import re
import tokenize
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from sandbox.source import decode_source_lossless

_DIRECTIONS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u3164\ufeff\uffa0"
_TURNS = re.compile(f"[{_DIRECTIONS}]")
_HIDES = re.compile(f"[{_UNSEEN}\U000e0000-\U000e007f]")
_LOOK_ALIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u051b\u051d"
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405"
    "\u03bf\u03bd\u03c1\u03b1\u03b9\u03ba\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c"
    "\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0585\u0578\u057d\u0570\u0131\u0261",
    "aeopcyxijshdqwABEKMHOPCTYXIJSovpaikuABEZHIKMNOPTYXonuhig",
)
_KEYWORDS = frozenset(dir(builtins))


def folded(name: str) -> str:
    """The folded form of a name, equal for names that a reader or a file system confuses."""
    if name.isascii() and name.isprintable():
        return name.replace(" ", "").lower()
    look_alike = unicodedata.normalize("NFKD", name).translate(_LOOK_ALIKE)
    return "".join(
        letter for letter in look_alike if unicodedata.category(letter)[0] not in "CMZ"
    ).casefold()


def path_like_another(path: str, paths: Collection[str]) -> str | None:
    """Why a new path is taken for one that is there; None where it is not."""
    if any(unicodedata.category(letter) in ("Cf", "Cc", "Co", "Zl", "Zp") for letter in path):
        return "its name holds characters that cannot be seen"
    if path != unicodedata.normalize("NFC", path) or path != path.strip():
        return "its name holds characters that cannot be seen"
    parts = path.split("/")
    names_by_folding: dict[str, set[str]] = {}
    for path_prefix in _with_folders(paths):
        names_by_folding.setdefault(folded(path_prefix), set()).add(path_prefix)
    for depth in range(1, len(parts) + 1):
        path_prefix = "/".join(parts[:depth])
        lookalikes = names_by_folding.get(folded(path_prefix), {path_prefix})
        if path_prefix not in lookalikes:
            return f"its name reads as {min(lookalikes)!r}, which is there"
    return None


def _with_folders(paths: Iterable[str]) -> set[str]:
    prefixes: set[str] = set()
    for path in paths:
        while path and path not in prefixes:
            prefixes.add(path)
            path = path.rpartition("/")[0]
    return prefixes


def module_like_another(module: str, modules: Collection[str]) -> str | None:
    """The importable module that a new one's name is taken for without being the same."""
    folded_name = folded(module)
    if module in modules:
        return None
    if module.isascii() and module == module.lower():
        return None  # most are: those only case or letters could tell from the real one
    return next((name for name in sorted(modules) if folded(name) == folded_name), None)


def misleading(path: str, old: bytes | None, new: bytes) -> tuple[str, ...]:
    """Objections to letters that are new in this file and make it read as another text."""
    base_text, patched_text = _text(old), _text(new)
    if patched_text.isascii():
        return ()
    objections = []
    for pattern, effect in ((_TURNS, "turn the direction of the text"),):
        if len(pattern.findall(patched_text)) > len(pattern.findall(base_text)):
            objections.append(f"{path}: the patch brings characters that {effect}")
    new_names = _names(patched_text) - _names(base_text)
    ascii_names = {
        name for name in _names(patched_text) | _names(base_text) if name.isascii()
    } | _KEYWORDS
    for name in sorted(new_names):
        if not name.isascii() and (_HIDES.search(name) or _reads_as(name) in ascii_names):
            escaped_name = name.encode("ascii", "backslashreplace").decode()
            objections.append(
                f"{path}: the name {escaped_name} of the patch reads as `{_reads_as(name)}`"
            )
    return tuple(objections)


def doubtful(old: bytes | None, new: bytes | None) -> Iterator[str]:
    """Cautions about unseen or mixed letters, to be shown with the patch."""
    base_text, patched_text = _text(old), _text(new)
    if patched_text.isascii():
        return
    if len(_HIDES.findall(patched_text)) > len(_HIDES.findall(base_text)):
        yield "brings characters that cannot be seen"
    if any(_mixed(name) for name in _names(patched_text) - _names(base_text)):
        yield "brings a name of letters from several alphabets"


def _reads_as(name: str) -> str:
    look_alike = unicodedata.normalize("NFKC", name).translate(_LOOK_ALIKE)
    return _HIDES.sub("", look_alike)


def _mixed(name: str) -> bool:
    letters = filter(str.isalpha, name)
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in letters}
    return len(scripts & {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH"}) > 1


def _text(content: bytes | None) -> str:
    if not content:
        return ""
    try:
        return decode_source_lossless(content).text.removeprefix("\ufeff")
    except ValueError:
        return content.decode("latin-1")


def _names(text: str) -> frozenset[str]:
    """Identifiers as they are written: the syntax tree has them normalised."""
    names: Counter[str] = Counter()
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME:
                names[token.string] += 1
    except (tokenize.TokenError, SyntaxError):
        pass  # what came before counts
    return frozenset(names)
