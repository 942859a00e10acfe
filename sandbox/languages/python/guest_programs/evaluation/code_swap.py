"""Puts a changed function body into a running interpreter.

Only the outermost function around an edit is compiled again, wrapped in the headers of its
classes so that names are mangled and `__class__` is found as in the whole file. The live
functions that run its code, closures made at import included, are then given the new code
object. Anything this cannot do exactly raises `NotSwappable`, and the caller imports the
changed file in a fresh process instead. Python 3.8+, standard library only.
"""

from __future__ import annotations
import __future__

import ast
import gc
import re
import sys
from types import CodeType, FunctionType
from typing import Any, Dict, FrozenSet, Iterator, List, NamedTuple, Optional, Set, Tuple

from ..harness.source import Edit, apply_edits, read_source

# Mandatory ones that share a bit with something else are left out.
FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    if _name not in ("nested_scopes", "generators"):
        FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag
KIND_FLAGS = 0x2A0 | 0x0C  # generator, coroutine, async generator, *args, **kwargs
_LINE_END = re.compile(r"\r\n|\r|\n")
Key = Tuple[str, int, str]
"""File name, first line, name: what identifies a code object."""


class NotSwappable(Exception):
    """The change needs a fresh import; the message says why."""


class OuterFunction(NamedTuple):
    """A function that no other function contains."""

    name: str
    start: int
    """Offset of the line of its `def`."""
    body: int
    """Offset where its body begins."""
    end: int
    """Offset after its last line."""
    line: int
    first_line: int
    """Line of its first decorator, or of its `def`."""
    headers: Tuple[str, ...]
    """Lines that put it in the same classes again."""
    docstring: Optional[str]


class SourceMap:
    """The functions of one file of the base."""

    def __init__(self, path: str) -> None:
        self.text, _ = read_source(path)
        self.path = path
        self._starts = [0] + [match.end() for match in _LINE_END.finditer(self.text)]
        self._starts.append(len(self.text))
        self._byte_lines = {}  # type: Dict[int, bytes]
        tree = compile(self.text, path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        self.places = list(self._walk(tree, ()))

    def _walk(self, parent: Any, headers: Tuple[str, ...]) -> Iterator[OuterFunction]:
        for node in ast.iter_child_nodes(parent):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if not getattr(node, "type_params", None):
                    yield self._place(node, headers)
            elif isinstance(node, ast.ClassDef):
                if not getattr(node, "type_params", None):
                    yield from self._walk(node, self._under(headers, node))
            elif isinstance(node, ast.stmt):
                yield from self._walk(node, self._under(headers, node))
            elif isinstance(node, ast.ExceptHandler) or type(node).__name__ == "match_case":
                yield from self._walk(node, headers)

    def _under(self, headers: Tuple[str, ...], node: Any) -> Tuple[str, ...]:
        header = self._header(node)
        if headers and _indent(header) == _indent(headers[-1]):
            headers = headers[:-1]  # an `elif` stands inside its `if`, yet no deeper
        return (*headers, header)

    def _header(self, node: Any) -> str:
        line = self.text[self._starts[node.lineno - 1] : self._starts[node.lineno]]
        return _indent(line) + (
            "class {}:".format(node.name) if isinstance(node, ast.ClassDef) else "if 1:"
        )

    def _place(self, node: Any, headers: Tuple[str, ...]) -> OuterFunction:
        statement = node.body[0]
        first_line = min(
            [statement.lineno] + [d.lineno for d in getattr(statement, "decorator_list", ())]
        )
        body = self._starts[first_line - 1]
        indentation = self._bytes(first_line)[: statement.col_offset].decode("utf-8", "replace")
        if indentation.strip() and first_line == statement.lineno:
            body += len(indentation)
        decorators = [d.lineno for d in node.decorator_list]
        end = self._starts[min(node.end_lineno, len(self._starts) - 1)]
        return OuterFunction(
            name=node.name,
            start=self._starts[node.lineno - 1],
            body=body,
            end=end,
            line=node.lineno,
            first_line=min([node.lineno, *decorators]),
            headers=headers,
            docstring=ast.get_docstring(node, clean=False),
        )

    def _bytes(self, line: int) -> bytes:
        return self.text[self._starts[line - 1] : self._starts[line]].encode("utf-8")

    def place_of(self, edit: Edit) -> OuterFunction:
        for place in self.places:
            if place.body <= edit[1] and edit[2] <= place.end and edit[1] <= place.end:
                return place
        raise NotSwappable("the edit lies outside of function bodies")


def compile_place(
    source: SourceMap, place: OuterFunction, edits: List[Edit], flags: int
) -> CodeType:
    """The function's new code object. Raises SyntaxError or ValueError when it does not
    compile, NotSwappable when the edit changes more than this function's body."""
    relative_edits = [(p, s - place.start, e - place.start, r) for p, s, e, r in edits]
    snippet = apply_edits(source.text[place.start : place.end], relative_edits)
    blank_lines = place.line - 1 - len(place.headers)
    if blank_lines < 0:
        raise NotSwappable("headers of the classes around it do not fit above it")
    text = "\n" * blank_lines + "".join(header + "\n" for header in place.headers) + snippet
    flags &= FUTURE_FLAGS
    tree: Any = compile(text, source.path, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    node = tree
    for _ in range(len(place.headers) + 1):
        if len(node.body) != 1 or getattr(node, "orelse", None):
            raise NotSwappable("the edit adds statements outside of the function")
        node = node.body[0]
    if getattr(node, "name", None) != place.name:
        raise NotSwappable("the edit changes the function's name")
    if ast.get_docstring(node, clean=False) != place.docstring:
        raise NotSwappable("the edit changes the docstring")
    code = compile(tree, source.path, "exec", flags, dont_inherit=True)
    for header in place.headers:
        tokens = header.split()
        if tokens[0] == "class":
            code = _child(code, tokens[1].rstrip(":"))
    return _child(code, place.name)


def children(code: CodeType) -> List[CodeType]:
    return [const for const in code.co_consts if isinstance(const, CodeType)]


def _child(code: CodeType, name: str) -> CodeType:
    for child in children(code):
        if child.co_name == name:
            return child
    raise NotSwappable("no code object of that name")


def key(code: CodeType) -> Key:
    return code.co_filename, code.co_firstlineno, code.co_name


def own_form(code: CodeType) -> Tuple[Any, ...]:
    """What a code object does by itself, whatever the lines and its inner functions are."""
    consts = tuple(
        "code" if isinstance(const, CodeType) else (type(const).__name__, repr(const))
        for const in code.co_consts
    )
    table = getattr(code, "co_exceptiontable", b"")
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount)
    return (code.co_code, consts, names, table, code.co_flags, counts)


def whole_tree(code: CodeType) -> Iterator[CodeType]:
    yield code
    for child in children(code):
        yield from whole_tree(child)


def pair(old: CodeType, new: CodeType) -> List[Tuple[CodeType, CodeType]]:
    """Inner code objects of both versions, in order. Raises NotSwappable when they differ."""
    old_codes, new_codes = children(old), children(new)
    if [code.co_name for code in old_codes] != [code.co_name for code in new_codes]:
        raise NotSwappable("inner functions were added or removed")
    pairs = [(old, new)]
    for old_code, new_code in zip(old_codes, new_codes):  # noqa: B905 - `strict` came with 3.10
        pairs += pair(old_code, new_code)
    return pairs


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t\f"))]


class Swapper:
    """Knows the live functions and which code already ran while importing and collecting."""

    def __init__(self, executed: Set[Key], workspace: str) -> None:
        prefix = workspace.rstrip("/") + "/"
        self._executed: FrozenSet[Key] = frozenset(executed)
        self._functions: Dict[CodeType, List[FunctionType]] = {}
        self._by_key: Dict[Key, List[CodeType]] = {}
        by_identity: Dict[int, List[FunctionType]] = {}
        for function in gc.get_objects():
            if type(function) is FunctionType and function.__code__.co_filename.startswith(prefix):
                by_identity.setdefault(id(function.__code__), []).append(function)
        self._live = by_identity
        for functions in by_identity.values():
            code = functions[0].__code__
            self._by_key.setdefault(key(code), []).append(code)

    def swap(self, source: SourceMap, edits: List[Edit]) -> List[Tuple[FunctionType, CodeType]]:
        """Apply the edits of one file; returns the code that was there. Raises NotSwappable,
        SyntaxError or ValueError before anything was changed."""
        edits_by_place: Dict[OuterFunction, List[Edit]] = {}
        for edit in edits:
            edits_by_place.setdefault(source.place_of(edit), []).append(edit)
        changes: List[Tuple[FunctionType, CodeType]] = []
        for place, place_edits in edits_by_place.items():
            changes += self._changes(source, place, place_edits)
        replaced = [(function, function.__code__) for function, _ in changes]
        for function, code in changes:
            function.__code__ = code
        return replaced

    def _changes(
        self, source: SourceMap, place: OuterFunction, edits: List[Edit]
    ) -> List[Tuple[FunctionType, CodeType]]:
        roots = self._by_key.get((source.path, place.first_line, place.name), [])
        # 3.8+ count a function from its first decorator; make sure of it all the same.
        roots = roots or self._by_key.get((source.path, place.line, place.name), [])
        flags = roots[0].co_flags if roots else 0
        new = compile_place(source, place, edits, flags)
        if len(roots) != 1:
            raise NotSwappable("no single live function to give the code to")
        old = roots[0]
        has_run = self._ran(list(whole_tree(old)))
        try:
            pairs = pair(old, new)
        except NotSwappable:
            if has_run or any(id(code) in self._live for code in list(whole_tree(old))[1:]):
                raise
            pairs = [(old, new)]
        if has_run:
            # The base is compiled alone too: a call on an imported name is compiled in another
            # way where the compiler sees the import.
            base = compile_place(source, place, [], flags)
            differences = [own_form(a) != own_form(b) for a, b in pair(base, new)]
            if self._ran([code for (code, _), differs in zip(pairs, differences) if differs]):  # noqa: B905
                raise NotSwappable("it already ran while importing")
        return [
            (function, new_code)
            for old_code, new_code in pairs
            for function in self._live.get(id(old_code), ())
            if _fits(old_code, new_code)
        ]

    def _ran(self, codes: List[CodeType]) -> bool:
        return any(key(code) in self._executed for code in codes)


def _fits(old: CodeType, new: CodeType) -> bool:
    if old.co_freevars != new.co_freevars:
        raise NotSwappable("the free variables change")
    if old.co_flags & KIND_FLAGS != new.co_flags & KIND_FLAGS:
        raise NotSwappable("it becomes or stops being a generator")
    return True


def watch_calls(executed: Set[Key], workspace: str) -> None:
    """Record which code of the workspace runs from now on in this thread."""
    prefix = workspace.rstrip("/") + "/"

    def note(frame: Any, _event: str, _argument: Any) -> None:
        code = frame.f_code
        if code.co_filename.startswith(prefix):
            executed.add((code.co_filename, code.co_firstlineno, code.co_name))

    sys.settrace(note)


def stop_watching() -> None:
    sys.settrace(None)
