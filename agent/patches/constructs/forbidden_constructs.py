"""Constructs that a repair has no business introducing, found by comparing syntax trees.

Only what is *new* in the patched file counts: code that already starts threads may go on
doing so. Each finding has a key; a key the base file has as often is no finding.
"""

from __future__ import annotations

import ast
import builtins
import io
import re
import sys
import tokenize
import types
import unicodedata
from collections import Counter
from collections.abc import Iterator

from agent.patches.constructs.forbidden_names import (
    ALWAYS_EQUAL,
    ASKS_THE_NETWORK,
    CALLS,
    FRAME_ATTRIBUTES,
    HOLD_ON_INTERPRETER,
    HOOK_PREFIX,
    HOOKS,
    PREFIXES,
    TEST_TOOLS,
    WORDS,
    WRITERS,
)
from agent.source.constant_folding import constants_of, folded
from agent.source.trees import tree_of

_BUILTINS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type | types.BuiltinFunctionType)
    and not name.startswith("_")
    and not (isinstance(value, type) and issubclass(value, BaseException))
)
"""Functions and types; a library may well have an exception of a builtin's name."""
_BARE_MODULES = frozenset(["builtins", "gc", "inspect", "os", "signal", "sys", "threading"])
"""Modules with names in `CALLS` that others import, and so have as an attribute."""


def new_constructs(path: str, old: bytes | None, new: bytes) -> tuple[str, ...]:
    """One sentence for each construct that the patch brings into this file."""
    patched_tree = tree_of(new)
    base_tree = tree_of(old) if old is not None else ast.Module(body=[], type_ignores=[])
    if patched_tree is None:
        # Where the base parses, this interpreter knows the syntax and the patch broke it.
        return (f"{path} has a syntax error with the patch",) if base_tree is not None else ()
    findings = Counter(_Findings(patched_tree).all())
    if base_tree is None:
        return tuple(
            f"{path}: the patch {sentence}"
            for key, sentence in findings
            if key.rpartition(".")[2].encode() not in (old or b"")
        )
    base_counts = Counter(key for key, _ in _Findings(base_tree).all())
    sentences = {}
    for (key, sentence), count in findings.items():
        if count > base_counts[key]:
            sentences[key] = f"{path}: the patch {sentence}"
    for name in _joined_members(base_tree, patched_tree):
        sentences[name] = f"{path}: the patch makes members of the enumeration `{name}` one"
    if old is not None and _declared(old) != _declared(new):
        sentences["encoding"] = f"{path}: the patch changes the declared source encoding"
    return tuple(sentences.values())


def _declared(content: bytes) -> str:
    try:
        return tokenize.detect_encoding(io.BytesIO(content).readline)[0]
    except SyntaxError:
        return "unknown"


class _Findings:
    """Everything notable in one tree, as (key, sentence) pairs."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.names: dict[str, str] = {}
        """Local name → dotted name it was imported as."""
        self.docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        self.constants = constants_of(tree)
        for node in ast.walk(tree):
            self._learn(node)

    def all(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from self._import(node)
            elif isinstance(node, ast.Attribute | ast.Name):
                yield from self._name(node)
            elif isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Constant):
                yield from self._word(node)
            elif isinstance(node, ast.BinOp | ast.JoinedStr | ast.Subscript):
                yield from self._made(node)
            elif isinstance(node, ast.FunctionDef | ast.Assign | ast.AugAssign | ast.AnnAssign):
                yield from self._definition(node)
        for node in _at_import(self.tree):
            yield from self._import_time(node)
        for name in _top_names(self.tree):
            if name in HOOKS or name.startswith(HOOK_PREFIX):
                yield f"hook.{name}", f"defines `{name}`, a hook of a test runner"
            elif name in _BUILTINS:
                yield f"hides.{name}", f"hides the builtin `{name}` from whoever takes every name"

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                self.names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            # `leave = os._exit` is the same thing under another name.
            value = self.dotted(node.value)
            for target in node.targets:
                if not isinstance(target, ast.Name):
                    continue
                is_only_binding = self.constants.get(target.id) is node.value
                if value in CALLS or (is_only_binding and self._is_of_module(node.value)):
                    self.names.setdefault(target.id, value)

    def dotted(self, node: ast.expr) -> str:
        """`a.b.c` with imports resolved; empty for anything that is not such a chain."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            head = self.dotted(node.value)
            return f"{head}.{node.attr}" if head else ""
        return ""

    def _is_of_module(self, node: ast.expr) -> bool:
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.names

    def _is_module(self, node: ast.expr) -> bool:
        name = self.dotted(node)
        return bool(name) and isinstance(node, ast.Name) and node.id in self.names

    def _import(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.ImportFrom):
            modules = [node.module] if node.module and not node.level else []
            for alias in node.names if not node.level else ():
                yield from _named(f"{node.module}.{alias.name}")
                if alias.name == "*" and (node.module or "") in sys.stdlib_module_names:
                    yield f"star.{node.module}", f"imports every name of `{node.module}`"
        else:
            modules = [alias.name for alias in node.names]
        for module in modules:
            yield from _imported(module)

    def _name(self, node: ast.Attribute | ast.Name) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Attribute):
            if node.attr in FRAME_ATTRIBUTES:
                yield f"attribute.{node.attr}", f"reaches into `{node.attr}`"
            if node.attr == "__dict__" and self._is_module(node.value):
                yield "attribute.__dict__", "reaches into a module's `__dict__`"
            yield from _named(self.dotted(node))
        elif node.id == "__builtins__":
            yield "attribute.__builtins__", "reaches into `__builtins__`"
        elif node.id == "__debug__":
            yield "name.__debug__", "asks `__debug__`, which is another outside of tests"

    def _call(self, node: ast.Call) -> Iterator[tuple[str, str]]:
        name = self.dotted(node.func)
        if isinstance(node.func, ast.Name):
            yield from _named(name)
        yield from self._made(node)
        if name in ("__import__", "importlib.import_module") and node.args:
            if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
                yield from _imported(node.args[0].value)
            else:
                yield "import.computed", "imports a module whose name is computed"
        reaches = name in ("getattr", "setattr", "delattr", "vars", "hasattr")
        if reaches and node.args and self._is_module(node.args[0]):
            target = self.dotted(node.args[0])
            is_constant = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            if is_constant and isinstance(node.args[1], ast.Constant):
                yield from _named(f"{target}.{node.args[1].value!s}")
            if name in ("setattr", "delattr") or not is_constant:
                yield f"{name}.{target}", f"uses {name}() on `{target}`"

    def _made(self, node: ast.expr) -> Iterator[tuple[str, str]]:
        """A text that is put together counts as one that is written down."""
        text = folded(node, self.constants)
        if text is not None:
            yield from _texts(text)

    def _word(self, node: ast.Constant) -> Iterator[tuple[str, str]]:
        if isinstance(node.value, str | bytes) and id(node) not in self.docstrings:
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            yield from _texts(text)

    def _definition(
        self, node: ast.FunctionDef | ast.Assign | ast.AugAssign | ast.AnnAssign
    ) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.FunctionDef):
            if node.name in ALWAYS_EQUAL and _ignores_other(node):
                yield f"constant.{node.name}", f"adds a `{node.name}` that always answers the same"
            if node.name in ("__instancecheck__", "__subclasscheck__", "__del__"):
                yield f"defines.{node.name}", f"adds a `{node.name}`"
            return
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in ALWAYS_EQUAL and node.value:
                if not isinstance(node.value, ast.Name | ast.Attribute | ast.Constant) or (
                    isinstance(node.value, ast.Constant) and node.value.value is not None
                ):
                    yield f"constant.{target.id}", f"assigns `{target.id}`"
            elif isinstance(target, ast.Attribute):
                yield from self._patched(target)

    def _patched(self, target: ast.Attribute) -> Iterator[tuple[str, str]]:
        """`json.dumps = …`: replaces a part of a module for everybody."""
        root = self.dotted(target).partition(".")[0]
        inner: ast.expr = target
        while isinstance(inner, ast.Attribute):
            inner = inner.value
        if (
            isinstance(inner, ast.Name)
            and inner.id in self.names
            and root in sys.stdlib_module_names
        ):
            name = self.dotted(target)
            yield f"patches.{name}", f"replaces `{name}` for the whole process"
        if target.attr in ("__eq__", "__class__", "__bool__"):
            yield f"patches.{target.attr}", f"assigns `{target.attr}` of an object"

    def _import_time(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.Raise) and node.exc is not None:
            exception = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if self.dotted(exception) in ("SystemExit", "KeyboardInterrupt", "GeneratorExit"):
                yield "exit.import", "ends the interpreter when it is imported"
        if not isinstance(node, ast.Call):
            return
        name = self.dotted(node.func)
        if name == "sys.exit":
            yield "exit.import", "ends the interpreter when it is imported"
        if name in ("open", "io.open", "os.open") and _writes(node):
            yield "write.import", "writes a file when it is imported"
        elif isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
            yield "write.import", "changes files when it is imported"
        if name.partition(".")[0] in ("subprocess", "multiprocessing") or name == "os.system":
            yield "process.import", "starts a process when it is imported"


def _imported(module: str) -> Iterator[tuple[str, str]]:
    root = module.partition(".")[0]
    if root in TEST_TOOLS:
        yield f"import.{root}", f"imports the test tool `{root}`"
    elif root in HOLD_ON_INTERPRETER:
        yield f"import.{root}", f"imports `{root}`, which gives a hold on the interpreter"
    elif root in ASKS_THE_NETWORK:
        yield f"import.{root}", f"imports `{root}`, which asks the network"


def _texts(text: str) -> Iterator[tuple[str, str]]:
    text = re.sub("//+", "/", unicodedata.normalize("NFKC", text))
    for word in WORDS:
        if word in text.lower():
            yield f"word.{word}", f"has a text that names `{word}`"
    if text in FRAME_ATTRIBUTES and text not in WORDS:
        yield f"attribute.{text}", f"reaches into `{text}`"


def _named(name: str) -> Iterator[tuple[str, str]]:
    name = _own_name(name)
    for call_name, effect in CALLS.items():
        if name == call_name or name.startswith(call_name + "."):
            yield f"name.{call_name}", f"uses `{call_name}`, which {effect}"
    for prefix, effect in PREFIXES.items():
        if name.startswith(prefix):
            yield f"name.{name}", f"uses `{name}`, which {effect}"


def _joined_members(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[str]:
    """Enumerations with two members that had different values, and are the same object with the
    patch."""
    base_members, patched_members = _members(base_tree), _members(patched_tree)
    for name in base_members.keys() & patched_members.keys():
        common_members = [
            member for member in base_members[name] if member in patched_members[name]
        ]
        if len({base_members[name][common_member] for common_member in common_members}) > len(
            {patched_members[name][common_member] for common_member in common_members}
        ):
            yield name


def _members(tree: ast.Module) -> dict[str, dict[str, str]]:
    """Enumeration → its members with the source of their values."""
    return {
        node.name: {
            target.id: ast.unparse(statement.value)
            for statement in node.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any("Enum" in ast.unparse(b) or "Flag" in ast.unparse(b) for b in node.bases)
    }


def _own_name(name: str) -> str:
    """`os.sys.modules` is `sys.modules`: a module of the standard library reached by another."""
    parts = name.split(".")
    if parts[0] not in sys.stdlib_module_names:
        return name
    # `collections._sys` is `sys`, too: the library hides what it imports for itself.
    inner = [i for i, part in enumerate(parts[1:-1], 1) if part.lstrip("_") in _BARE_MODULES]
    return ".".join(parts[inner[-1] :]).lstrip("_") if inner else name


def _top_names(tree: ast.Module) -> Iterator[str]:
    """What the module itself defines or assigns; imported names are their module's."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                names = [
                    reference for reference in ast.walk(target) if isinstance(reference, ast.Name)
                ]
                yield from (
                    reference.id for reference in names if isinstance(reference.ctx, ast.Store)
                )


def _at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes that run when the module is imported; bodies of functions do not."""
    pending_nodes: list[ast.AST] = list(tree.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, ast.If) and _is_main_guard(node.test):
            continue
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending_nodes.extend(ast.iter_child_nodes(node))


def _is_main_guard(test: ast.expr) -> bool:
    return "__main__" in ast.unparse(test) and "__name__" in ast.unparse(test)


def _writes(node: ast.Call) -> bool:
    modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
    return any(
        not isinstance(mode, ast.Constant) or any(c in str(mode.value) for c in "wax+")
        for mode in modes
    )


def _ignores_other(function: ast.FunctionDef) -> bool:
    """Whether a comparison answers without looking at anything but constants."""
    returns = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
    if returns and all(isinstance(value, ast.Constant) for value in returns):
        return len({ast.dump(value) for value in returns if value is not None}) == 1
    names = [argument.arg for argument in function.args.args[1:2]]
    used_names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return bool(names) and not used_names.intersection(names)
