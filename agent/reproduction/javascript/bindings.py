"""How names are brought into a test in JavaScript: as the tests beside it do, else from the file
that exports them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.source.javascript.code import masked

MAX_INDEXED_FILES = 400
WHOLE = "*"
DEFAULT = "default"
_BLANKS = r"[ \t]{1,20}"
"""Bounded: what is read is anybody's text, and long blanks must not cost their square."""
_HEAD = rf"(?:async{_BLANKS})?(?:function[ \t]{{0,20}}\*?[ \t]{{0,20}}|class{_BLANKS})?"
_ESM = re.compile(
    r"^[ \t]*import\s{1,20}(?!type\b)(?P<names>[\w$*{},][\w$*{},\s]{0,500}?)\bfrom\s{0,20}"
    r"(?P<quote>['\"])(?P<module>[^'\"\n]+)(?P=quote)[ \t]*;?",
    re.M,
)
_CJS = re.compile(
    r"^[ \t]*(?:(?:const|let|var)\s{1,20}|,\s{0,20})(?P<names>[\w$]+|\{[^{}]{0,500}\})\s{0,20}="
    r"\s{0,20}(?:await\s{1,20}import|require)"
    r"\(\s{0,20}(?P<quote>['\"])(?P<module>[^'\"\n]+)(?P=quote)\s{0,20}\)"
    r"(?P<member>\.[\w$]+)?[ \t]*[;,]?",
    re.M,
)
_EXPORTS = re.compile(
    rf"^export{_BLANKS}(?:async{_BLANKS})?(?:function[ \t]{{0,20}}\*?|class|const|let|var)"
    rf"{_BLANKS}([\w$]+)|^(?:module\.)?exports\.([\w$]+)[ \t]{{0,20}}=",
    re.M,
)
_EXPORT_LISTS = re.compile(r"^(?:export|module\.exports\s*=)\s*\{([^{}]*)\}", re.M)
_EXPORTS_ONE = re.compile(
    rf"^export{_BLANKS}default{_BLANKS}{_HEAD}([\w$]+)"
    r"|^module\.exports[ \t]{0,20}=[ \t]{0,20}(?:exports[ \t]{0,20}=[ \t]{0,20})?"
    rf"{_HEAD}([\w$]+)",
    re.M,
)
_NO_NAMES = frozenset(("function", "class", "async", "new", "require", "extends"))


@dataclass(frozen=True, kw_only=True)
class Binding:
    """A name that a test takes from a module."""

    local: str
    module: str
    """As it is written between quotes."""
    imported: str
    """Its name there, `default` or `*` for the module itself."""

    def statement(self, *, is_module: bool) -> str:
        """The statement inside a function, for a test file that is a module or none."""
        loaded = f"await import('{self.module}')" if is_module else f"require('{self.module}')"
        if self.imported == WHOLE or (self.imported == DEFAULT and not is_module):
            return f"const {self.local} = {loaded};"
        name = self.local if self.imported == self.local else f"{self.imported}: {self.local}"
        return f"const {{ {name} }} = {loaded};"


def bindings_of(text: str) -> dict[str, Binding]:
    """Local name → where a source takes it from."""
    return {
        one.local: one
        for match in (*_ESM.finditer(text), *_CJS.finditer(text))
        for one in _bound(match)
    }


def without_imports(text: str) -> str:
    """A source without the statements that `bindings_of` reads."""
    return _CJS.sub("", _ESM.sub("", text))


def _bound(match: re.Match[str]) -> Iterator[Binding]:
    names, module = match["names"].strip(), match["module"]
    whole = DEFAULT if match.re is _ESM else WHOLE
    listed = re.search(r"\{([^{}]*)\}", names)
    for entry in listed[1].split(",") if listed else ():
        imported, _, local = re.sub(r"\s+as\s+|\s*:\s*", " ", entry.strip()).partition(" ")
        if re.fullmatch(r"[\w$]+", imported) and imported != "type":
            yield Binding(local=local.strip() or imported, module=module, imported=imported)
    for plain in re.sub(r"\{[^{}]*\}", "", names).split(","):
        words = plain.split()
        if words[:2] == [WHOLE, "as"] and len(words) == 3:
            yield Binding(local=words[2], module=module, imported=WHOLE)
        elif len(words) == 1 and re.fullmatch(r"[\w$]+", words[0]):
            member = match["member"] if match.re is _CJS else None
            imported = member.removeprefix(".") if member else whole
            yield Binding(local=words[0], module=module, imported=imported)


def exported(sources: Iterable[tuple[str, str]], folder: str) -> dict[str, Binding]:
    """Name → how a test in `folder` takes it, of what one source alone exports. `sources` are path
    and text of the project's own files."""
    ways: dict[str, set[Binding]] = {}
    for number, (path, text) in enumerate(sources):
        if number >= MAX_INDEXED_FILES:
            break
        for name, imported in _exports(text):
            way = Binding(local=name, module=module_name(path, folder), imported=imported)
            ways.setdefault(name, set()).add(way)
    return {name: next(iter(found)) for name, found in ways.items() if len(found) == 1}


def module_name(path: str, folder: str) -> str:
    """How a file is named in one of this folder; TypeScript goes without its ending."""
    name = posixpath.relpath(path, folder or ".")
    name = re.sub(r"\.[cm]?tsx?$", "", name)
    return name if name.startswith(".") else f"./{name}"


def _exports(text: str) -> Iterator[tuple[str, str]]:
    code = masked(text)
    for match in _EXPORTS.finditer(code):
        yield match[1] or match[2], match[1] or match[2]
    for match in _EXPORT_LISTS.finditer(code):
        for entry in match[1].split(","):
            name = re.split(r"\s+as\s+|:", entry.strip())
            exported_name = name[-1].strip() if " as " in entry else name[0].strip()
            if re.fullmatch(r"[A-Za-z_$][\w$]*", exported_name) and exported_name != DEFAULT:
                yield exported_name, exported_name
    for match in _EXPORTS_ONE.finditer(code):
        name_of_one = match[1] or match[2]
        if name_of_one not in _NO_NAMES:
            yield name_of_one, DEFAULT


def used(code: str, names: Mapping[str, Binding]) -> list[Binding]:
    """Those whose name some code uses and does not declare itself, in order."""
    text = masked(code)
    words = dict.fromkeys(re.findall(r"(?<![.\w$])[A-Za-z_$][\w$]*", text))
    return [names[word] for word in words if word in names and not _declares(text, word)]


def _declares(text: str, name: str) -> bool:
    pattern = rf"\b(?:const|let|var|function|class)\s+(?:\{{[^{{}}]*\b)?{re.escape(name)}(?![\w$])"
    return re.search(pattern, text) is not None
