"""Signs that a patch that passed fits the tests and not the purpose.

None of them proves anything; they are shown with the patch and push it down the ranking.
After the anti-patterns of Tan et al. (FSE 2016) and constants special-cased from the test.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.patches.changes import FileChange
from agent.patches.constructs.confusables import doubtful
from agent.patches.constructs.machine_references import machine_references, process_references
from agent.patches.oracle_values import measured_in
from agent.selection.overfitting.shared_objects import changed_shared_objects
from agent.selection.overfitting.swallowed_exceptions import swallowed_exceptions
from agent.selection.overfitting.word_signs import word_signs
from agent.source.constant_folding import REACHING, constants_of, folded, may_be_private
from agent.source.trees import tree_of

MAX_QUOTED_CHARACTERS = 60
"""Of what stands in a patch and is named in a caution."""


@dataclass(frozen=True)
class Caution:
    """One sign of overfitting, and how much it takes off a score that starts at 1."""

    sentence: str
    penalty: float


def cautions_of(
    changes: Mapping[str, FileChange], test_texts: Iterable[str] = ()
) -> tuple[Caution, ...]:
    """Signs of overfitting in a patch. `test_texts` are sources of the failing tests, and what
    they said: a constant that only stands there and in the patch is suspect."""
    cautions: list[Caution] = []
    test_texts = tuple(test_texts)
    test_constants = frozenset[str]().union(*(_constants_of(text) for text in test_texts))
    for path, (old, new) in sorted(changes.items()):
        cautions += (Caution(f"{sign} ({path})", 0.5) for sign in doubtful(old, new))
        cautions += (Caution(f"{sign} ({path})", 0.3) for sign in word_signs(path, old, new))
        base_tree, patched_tree = tree_of(old), tree_of(new)
        if base_tree is None or patched_tree is None:
            continue  # a repaired syntax error has nothing to compare with
        signs = _compare(base_tree, patched_tree, test_constants)
        cautions += (Caution(f"{sign.sentence} ({path})", sign.penalty) for sign in signs)
    for text in test_texts:
        if measures := measured_in(changes, text):
            cautions.append(
                Caution(f"changes what failing tests measure with: {measures.named}", 0.5)
            )
            break
    return tuple(cautions)


def _compare(
    base_tree: ast.Module, patched_tree: ast.Module, test_constants: frozenset[str]
) -> Iterator[Caution]:
    yield from _lost(base_tree, patched_tree)
    yield from _trivial(base_tree, patched_tree)
    yield from _special_cased(base_tree, patched_tree, test_constants)
    yield from _swallowed(base_tree, patched_tree)
    yield from _cut_short(base_tree, patched_tree)
    yield from _without_effect(base_tree, patched_tree)
    yield from _bent(base_tree, patched_tree)
    yield from _outside(base_tree, patched_tree)
    yield from _shared(base_tree, patched_tree)
    if _reaches(patched_tree) > _reaches(base_tree):
        yield Caution("reaches for an attribute whose name it computes", 0.1)


_FOLDERS = (
    r"bin|boot|dev|etc|home|lib(32|64)?|lost\+found|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp"
    r"|usr|var"
)
_PLACE = re.compile(rf"/+(({_FOLDERS})(/.*)?)?|~\w*(/.*)?")
_LOOKS = frozenset(["exists", "expanduser", "is_dir", "is_file", "isdir", "isfile", "listdir",
                    "lstat", "open", "Path", "scandir", "stat", "walk"])  # fmt: skip
_MACHINE = frozenset(["cpu_count", "get_terminal_size", "getpgid", "getpgrp", "getppid", "getpwnam",
                      "getpwuid", "getrusage", "getsid", "sched_getaffinity", "sysconf", "tzname",
                      "which"])  # fmt: skip


def _outside(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    """What is another on each machine, and alike wherever a patch is tried."""
    base_places = Counter(_places(base_tree))
    for path in sorted(Counter(_places(patched_tree)) - base_places):
        yield Caution(f"asks for `{_start(path)}`, which is another on each machine", 0.3)
    base_state = Counter(process_references(base_tree))
    for name in sorted(Counter(process_references(patched_tree)) - base_state):
        yield Caution(f"reads `{_start(name)}`, which depends on what the process does", 0.3)


def _shared(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    base_names, patched_names = map(changed_shared_objects, (base_tree, patched_tree))
    for place in sorted(patched_names.keys() - base_names.keys()):
        shared, (function, name) = patched_names[place], place
        yield Caution(f"`{function}` changes `{_start(shared)}` itself, through `{name}`", 0.5)


def _places(tree: ast.Module) -> Iterator[str]:
    constants = constants_of(tree)
    yield from machine_references(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in _MACHINE:
                yield name
        elif isinstance(node, ast.Constant | ast.BinOp | ast.Call | ast.JoinedStr):
            text = folded(node, constants)
            if text is not None and len(text) > 2 and _PLACE.fullmatch(text):
                yield text
        if isinstance(node, ast.Call) and node.args:
            callee = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if callee in _LOOKS and folded(node.args[0], constants) in ("/", "~", "//"):
                yield f"{callee}('/')"


def _reaches(tree: ast.Module) -> int:
    """Attributes by a name that could begin with an underscore."""
    constants = constants_of(tree)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named_calls = [
        (getattr(call.func, "attr", getattr(call.func, "id", "")), call) for call in calls
    ]
    return sum(
        not isinstance(call.args[-1 if name == "attrgetter" else 1], ast.Constant)
        and may_be_private(call.args[-1 if name == "attrgetter" else 1], constants)
        for name, call in named_calls
        if name in REACHING and len(call.args) > (0 if name == "attrgetter" else 1)
    )


_EXITS: tuple[tuple[type[ast.stmt], str, float], ...] = (
    (ast.Return, "deletes a return", 0.2),
    (ast.Raise, "deletes a raise", 0.35),
    (ast.Assert, "deletes an assert", 0.35),
    (ast.Continue, "deletes a continue", 0.15),
    (ast.Break, "deletes a break", 0.15),
)


def _lost(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    base_kinds, patched_kinds = _kinds(base_tree), _kinds(patched_tree)
    for kind, sentence, weight in _EXITS:
        if patched_kinds[kind.__name__] < base_kinds[kind.__name__]:
            yield Caution(sentence, weight)
    removed_functions = _functions(base_tree).keys() - _functions(patched_tree).keys()
    if removed_functions:
        yield Caution(f"removes `{min(removed_functions)}`", 0.5)
    for name in sorted(_functions(base_tree).keys() & _functions(patched_tree).keys()):
        old, new = _size(_functions(base_tree)[name]), _size(_functions(patched_tree)[name])
        if old >= 4 and new <= old / 2:
            yield Caution(f"removes {old - new} of {old} statements of `{name}`", 0.4)
    removed_count = sum(base_kinds.values()) - sum(patched_kinds.values())
    if removed_count >= 1 and not removed_functions:
        yield Caution(f"removes {removed_count} statement{'s' if removed_count > 1 else ''}", 0.1)


def _kinds(tree: ast.AST) -> Counter[str]:
    return Counter(type(node).__name__ for node in ast.walk(tree) if isinstance(node, ast.stmt))


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[prefix + node.name] = node
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            pending_nodes += [(f"{prefix}{node.name}.", child) for child in node.body]
    return functions


def _size(function: ast.AST) -> int:
    return sum(isinstance(node, ast.stmt) for node in ast.walk(function)) - 1


def _trivial(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    base_answers, patched_answers = Counter(_decided(base_tree)), Counter(_decided(patched_tree))
    for answer in (True, False):
        if patched_answers[answer] > base_answers[answer]:
            yield Caution(f"makes a condition always {str(answer).lower()}", 0.4)


def _decided(tree: ast.AST) -> Iterator[bool]:
    """Conditions whose answer can be read off them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            # `while True:` is how Python writes a loop that is left from within.
            if isinstance(node, ast.While) and _answer(node.test) is True:
                continue
            answer = _answer(node.test)
            if answer is not None:
                yield answer


def _answer(test: ast.expr) -> bool | None:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _answer(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        answers = [_answer(value) for value in test.values]
        decisive_answer = isinstance(test.op, ast.Or)
        return decisive_answer if decisive_answer in answers else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        equal_operands = ast.dump(test.left) == ast.dump(test.comparators[0])
        if equal_operands and not any(isinstance(node, ast.Call) for node in ast.walk(test.left)):
            if isinstance(test.ops[0], ast.Eq | ast.LtE | ast.GtE | ast.Is):
                return True
            if isinstance(test.ops[0], ast.Lt | ast.Gt | ast.IsNot):
                return False
    return None


_EVERYDAY = frozenset(["None", "True", "False", "0", "1", "-1", "2", "''", "b''", "Ellipsis"])


def _special_cased(
    base_tree: ast.Module, patched_tree: ast.Module, test_constants: frozenset[str]
) -> Iterator[Caution]:
    new_constants = (_constants(patched_tree) - _constants(base_tree)) - _EVERYDAY
    compared_constants = {
        repr(part.value)
        for node in ast.walk(patched_tree)
        if isinstance(node, ast.Compare | ast.Return)
        for part in ast.walk(node)
        if isinstance(part, ast.Constant)
    }
    for constant in sorted(new_constants & test_constants):
        is_answer = constant in compared_constants
        verb, weight = ("special-cases", 0.6) if is_answer else ("holds", 0.3)
        yield Caution(f"{verb} {_start(constant)}, which stands in the failing test", weight)
    for constant in sorted(new_constants - test_constants):
        if len((set(re.findall(r"\w+", constant)) & test_constants) - _EVERYDAY) > 1:
            values = _start(constant)
            yield Caution(f"has several values of the failing test in {values}", 0.4)


def _start(text: str) -> str:
    """The text, or its first characters and a mark."""
    return text if len(text) <= MAX_QUOTED_CHARACTERS else f"{text[: MAX_QUOTED_CHARACTERS - 1]}…"


def _constants(tree: ast.AST) -> frozenset[str]:
    return frozenset(repr(n.value) for n in ast.walk(tree) if isinstance(n, ast.Constant))


def _constants_of(text: str) -> frozenset[str]:
    """Constants of the test's source; of its messages where it does not parse."""
    tree = tree_of(text.encode("utf-8", "surrogateescape"))
    if tree is not None:
        return _constants(tree)
    constants: set[str] = set()
    for line in text.splitlines():
        part = tree_of(line.strip().removeprefix("E").strip().encode("utf-8", "surrogateescape"))
        if part is not None:
            constants |= _constants(part)
    return frozenset(constants)


def _swallowed(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    base_count, patched_count = (
        sum(1 for _ in swallowed_exceptions(tree)) for tree in (base_tree, patched_tree)
    )
    if patched_count > base_count:
        yield Caution("swallows every exception", 0.45)


_NEUTRAL: tuple[tuple[type[ast.operator], int], ...] = (
    (ast.Add, 0),
    (ast.Sub, 0),
    (ast.Mult, 1),
    (ast.FloorDiv, 1),
    (ast.Pow, 1),
)


def _without_effect(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    """Nobody writes `x + 0`: the operand, not the constant, is what should have gone."""
    if _neutral(patched_tree) > _neutral(base_tree):
        yield Caution("leaves an operation without effect", 0.05)


def _neutral(tree: ast.AST) -> int:
    return sum(
        isinstance(node, ast.BinOp)
        and isinstance(node.right, ast.Constant)
        and any(
            isinstance(node.op, kind) and node.right.value == value and node.right.value is not True
            for kind, value in _NEUTRAL
        )
        for node in ast.walk(tree)
    )


_OBJECT_MODEL = frozenset(
    [
        *("__getattribute__", "__getattr__", "__setattr__", "__delattr__", "__set_name__"),
        *("__init_subclass__", "__class_getitem__", "__prepare__", "__mro_entries__"),
        *("__get__", "__set__", "_missing_"),
    ]
)
"""What changes how every attribute, subclass or value is found: seldom what a fault needs."""


def _bent(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    base_names, patched_names = (
        Counter(_definitions(base_tree)),
        Counter(_definitions(patched_tree)),
    )
    for name in sorted(patched_names.keys() & _OBJECT_MODEL):
        if patched_names[name] > base_names[name]:
            yield Caution(f"adds a `{name}`", 0.4)
    if _metaclasses(patched_tree) > _metaclasses(base_tree):
        yield Caution("adds a metaclass", 0.4)


def _definitions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def _metaclasses(tree: ast.Module) -> int:
    return sum(
        isinstance(node, ast.ClassDef)
        and any(
            isinstance(base, ast.Name) and base.id in ("type", "ABCMeta") for base in node.bases
        )
        for node in ast.walk(tree)
    )


def _cut_short(base_tree: ast.Module, patched_tree: ast.Module) -> Iterator[Caution]:
    if _unreachable(patched_tree) > _unreachable(base_tree):
        yield Caution("makes code unreachable", 0.4)


def _unreachable(tree: ast.AST) -> int:
    """Statements behind a return, raise, break or continue in the same block."""
    count = 0
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if not isinstance(statements, list):
                continue
            for index, statement in enumerate(statements):
                if isinstance(statement, ast.Return | ast.Raise | ast.Break | ast.Continue):
                    count += len(statements) - index - 1
                    break
    return count
