"""What a patch asks of the machine in functions that no failing test comes to.

A watch sees what a function asks where it is called. Of one that nobody calls there is the text
alone: the names that stand in it now, and did not before.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from agent.patches.constructs.machine_references import dotted_name, imported_names
from sandbox.syntax import AnyFunction

_MODULES = frozenset(
    ["getpass", "glob", "grp", "locale", "os", "platform", "posix", "pwd", "resource", "select",
     "shutil", "signal", "socket", "subprocess", "sys", "tempfile", "time"]
)  # fmt: skip
_COMPUTING = re.compile(
    r"""os\.(path|\w*sep|\w+dir|fs\w+|strerror|PathLike|error|close|devnull)
    |os\.path\.(basename|common\w+|dirname|isabs|join|normcase|normpath|\w*sep|split\w*)
    |sys\.(maxsize|maxunicode|version\w*|byteorder|std\w+|exit|intern|getsizeof|float_info|int_info
    |hexversion|implementation|getdefaultencoding|exc_info)|locale\.[A-Z]\w+
    |time\.(sleep|struct_time|strftime|strptime)|subprocess\.([A-Z]+|\w+(Error|Expired))
    |signal\.[A-Z]\w+|socket\.[A-Z]\w+|select\.[A-Z]\w+|resource\.[A-Z]\w+""",
    re.VERBOSE,
)
"""Of these modules, what says nothing of the machine."""
_CLOCKS = re.compile(r"datetime(\.datetime|\.date)?\.(now|today|utcnow)")
_LOOKS = frozenset(["cwd", "exists", "home", "is_dir", "is_file", "iterdir", "isatty", "read_bytes",
                    "read_text", "stat"])  # fmt: skip
"""Methods of files and paths."""
_MAKING = frozenset(["__init__", "__new__", "__post_init__"])


def unseen_questions(
    base_tree: ast.Module, patched_tree: ast.Module, reached: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Function → what its text asks with the patch alone, for those that neither the import runs
    nor any of the `reached` functions (names without their class) speaks of."""
    names_on_base, names = imported_names(base_tree), imported_names(patched_tree)
    base_functions = dict(_functions(base_tree))
    for path, node in _unreached(patched_tree, reached):
        before = base_functions.get(path)
        known = set() if before is None else set(_questions(before, names_on_base))
        for question in sorted({*_questions(node, names)} - known):
            yield path.rpartition(".")[2], question


def _unreached(tree: ast.Module, reached: Collection[str]) -> Iterator[tuple[str, AnyFunction]]:
    unread = dict(_functions(tree))
    words = {*reached, *_words_on_import(tree)}
    while True:
        spoken_of = {path: node for path, node in unread.items() if _is_named(path, words)}
        if not spoken_of:
            break
        words = {word for node in spoken_of.values() for word in _words(node)} | words
        unread = {path: node for path, node in unread.items() if path not in spoken_of}
    yield from unread.items()


def _is_named(path: str, words: Collection[str]) -> bool:
    """Whether code that holds these words may call the function; a class is called to make one."""
    owner, _, name = path.rpartition(".")
    return name in words or (name in _MAKING and owner.rpartition(".")[2] in words)


def _functions(tree: ast.Module) -> Iterator[tuple[str, AnyFunction]]:
    """Dotted name → function, those inside of functions left out."""
    pending_nodes: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while pending_nodes:
        prefix, node = pending_nodes.pop()
        if isinstance(node, AnyFunction):
            yield f"{prefix}{node.name}", node
            continue
        inner = f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix
        pending_nodes += [(inner, child) for child in ast.iter_child_nodes(node)]


def _words_on_import(tree: ast.Module) -> Iterator[str]:
    """Of statements outside of functions, other than the names that they only define."""
    pending_nodes: list[ast.AST] = list(tree.body)
    while pending_nodes:
        node = pending_nodes.pop()
        if isinstance(node, AnyFunction):
            pending_nodes += node.decorator_list
        elif isinstance(node, ast.Call):
            yield from _words(node)
        else:
            pending_nodes += ast.iter_child_nodes(node)


def _words(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _questions(function: AnyFunction, names: Mapping[str, str]) -> Iterator[str]:
    for node in ast.walk(function):
        name = dotted_name(node, names)
        if _CLOCKS.fullmatch(name) or _is_of_machine(name):
            yield name
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id == "open":
                yield "open"
            elif _looks(called) and not dotted_name(called, names):
                yield f"{ast.unparse(called).rpartition('.')[2]}()"


def _looks(called: ast.expr) -> bool:
    """Whether a method of a file or a path is called; a module's function has a whole name."""
    return isinstance(called, ast.Attribute) and called.attr in _LOOKS


def _is_of_machine(name: str) -> bool:
    parts = name.split(".")
    length = 3 if parts[:2] == ["os", "path"] else 2
    if parts[0] not in _MODULES or len(parts) != length:
        return False
    return _COMPUTING.fullmatch(name) is None
