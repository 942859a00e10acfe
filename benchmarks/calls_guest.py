"""Records calls while tests run, and replays them with changed arguments.

Runs on the target's interpreter in a scratch copy, as a pytest plugin (`-p calls_guest`, recording
to `REPAIR_CALLS_OUT`) and as a program (`python calls_guest.py CALLS.pickle SEED MUTANTS`, which
prints one JSON line a call). Standard library only.
"""

import ast
import contextlib
import importlib
import itertools
import json
import os
import pathlib
import pickle
import random
import re
import signal
import sys
import time
import types

MAX_CALLS_OF_ONE = 40
MAX_CALLS = 150
MAX_HANGS = 3
MAX_BYTES = 20_000
ITEMS = 200
DEPTH = 6
CALL_SECONDS = 1.0


class CallTimedOut(BaseException):
    pass


class Names:
    """Qualified names of code objects, which carry them only since Python 3.11."""

    def __init__(self):
        self.files = {}

    def of(self, code):
        known = self.files.get(code.co_filename)
        if known is None:
            known = self.files[code.co_filename] = self.read(code.co_filename)
        return known.get((code.co_firstlineno, code.co_name))

    @staticmethod
    def read(path):
        found = {}

        def visit(node, prefix):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    lines = [child.lineno, *(item.lineno for item in child.decorator_list)]
                    found[min(lines), child.name] = prefix + child.name
                    visit(child, prefix + child.name + ".<locals>.")
                elif isinstance(child, ast.ClassDef):
                    visit(child, prefix + child.name + ".")
                else:
                    visit(child, prefix)

        with contextlib.suppress(OSError, SyntaxError, ValueError):
            visit(ast.parse(pathlib.Path(path).read_bytes()), "")
        return found


class Recorder:
    """Keeps calls of the changed functions, and calls that tests make into the package."""

    def __init__(self, settings):
        self.source = settings["source"]
        self.wanted = set(settings["functions"])
        self.package = str(pathlib.Path(self.source).parent)
        self.tests = tuple(settings["tests"])
        self.names = Names()
        self.calls = {}
        self.counts = {}

    def __call__(self, frame, event, _argument):
        if event != "call":
            return
        code = frame.f_code
        if code.co_filename == self.source and self.names.of(code) in self.wanted:
            self.keep(frame, code, "changed")
        elif code.co_filename.startswith(self.package):
            caller = frame.f_back
            if caller is not None and caller.f_code.co_filename in self.tests:
                self.keep(frame, code, "entry")

    def keep(self, frame, code, kind):
        name = self.names.of(code)
        key = (frame.f_globals.get("__name__", ""), name)
        if name is None or "<" in name or self.counts.get(key, 0) >= MAX_CALLS_OF_ONE:
            return
        sys.setprofile(None)
        try:
            packed = pickle.dumps(arguments(frame, code))
        except BaseException:  # anything may be unpicklable, in its own way
            packed = b""
        finally:
            sys.setprofile(self)
        if packed and len(packed) <= MAX_BYTES and (key, packed) not in self.calls:
            self.calls[key, packed] = kind
            self.counts[key] = self.counts.get(key, 0) + 1


def arguments(frame, code):
    names = code.co_varnames
    plain = code.co_argcount
    keyword = code.co_kwonlyargcount
    values = [frame.f_locals[name] for name in names[:plain]]
    named = {name: frame.f_locals[name] for name in names[plain : plain + keyword]}
    more = plain + keyword
    if code.co_flags & 0x04:
        values += frame.f_locals[names[more]]
        more += 1
    if code.co_flags & 0x08:
        named.update(frame.f_locals[names[more]])
    return values, named


def pytest_configure(config):
    settings = pathlib.Path(os.environ["REPAIR_CALLS_SETTINGS"]).read_text(encoding="utf-8")
    config.calls_recorder = Recorder(json.loads(settings))


def pytest_runtest_setup(item):
    sys.setprofile(item.config.calls_recorder)


def pytest_runtest_teardown():
    sys.setprofile(None)


def pytest_unconfigure(config):
    sys.setprofile(None)
    recorder = getattr(config, "calls_recorder", None)
    if recorder is not None:
        kept = [(key, packed, kind) for (key, packed), kind in recorder.calls.items()]
        kept.sort(key=lambda call: call[2])  # `changed` before `entry`
        del kept[MAX_CALLS:]
        pathlib.Path(os.environ["REPAIR_CALLS_OUT"]).write_bytes(pickle.dumps(kept))


def changed_number(source, value):
    return source.choice((0, 1, -1, value + 1, value - 1, -value, value * 2, 1000))


def changed_text(source, value):
    place = source.randrange(len(value) + 1)
    return source.choice(
        (
            "",
            value[:place] + value[place + 1 :],
            value[:place] + source.choice(" aZ0-_.,;:'\"()\n") + value[place:],
            value + value,
            value.upper(),
            value.lower(),
            value[::-1],
            " " + value,
            value[:place],
        )
    )


def changed_items(source, value):
    items = list(value)
    choice = source.randrange(5)
    if choice == 0 or not items:
        items = items[: source.randrange(len(items) + 1)]
    elif choice == 1:
        items.reverse()
    elif choice == 2:
        items += items
    else:
        place = source.randrange(len(items))
        items[place] = changed(source, items[place])
    return type(value)(items)


def changed(source, value):
    """Return a near neighbour of a value of a built-in type; anything else as it is."""
    kind = type(value)
    if kind is bool:
        return not value
    if kind in (int, float):
        return changed_number(source, value)
    if kind is str:
        return changed_text(source, value)
    if kind is bytes:
        return changed_text(source, value.decode("latin-1")).encode("latin-1", "replace")
    if kind in (list, tuple, set, frozenset):
        return changed_items(source, value)
    if kind is dict and value:
        key = source.choice(sorted(value, key=repr))
        return {**value, key: changed(source, value[key])}
    return value


def mutated(source, values, named):
    """Change one argument (or an attribute of built-in type of the object it is called on)."""
    places = [place for place in range(len(values)) if is_plain(values[place])]
    names = sorted(name for name in named if is_plain(named[name]))
    inside = sorted(
        name for name, value in getattr(values[0], "__dict__", {}).items() if is_plain(value)
    ) if values and not isinstance(values[0], (type, types.ModuleType)) else []  # fmt: skip
    choices = [*(("value", place) for place in places), *(("name", name) for name in names)]
    choices = choices or [("inside", name) for name in inside]
    if not choices:
        return False
    kind, where = source.choice(choices)
    if kind == "value":
        values[where] = changed(source, values[where])
    elif kind == "name":
        named[where] = changed(source, named[where])
    else:
        setattr(values[0], where, changed(source, getattr(values[0], where)))
    return True


def is_plain(value):
    return type(value) in (bool, int, float, str, bytes, list, tuple, set, frozenset, dict)


def shown(value, depth=DEPTH, seen=()):
    """Return a text that is equal when two values of two processes are equal in all we can see."""
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes, type(Ellipsis)):
        return repr(value)
    if depth == 0 or id(value) in seen:
        return "…"
    seen = (*seen, id(value))
    if kind in (list, tuple):
        return kind.__name__ + "[" + ",".join(shown(item, depth - 1, seen) for item in value) + "]"
    if kind in (set, frozenset):
        items = sorted(shown(item, depth - 1, seen) for item in value)
        return kind.__name__ + "{" + ",".join(items) + "}"
    if isinstance(value, dict):
        pairs = [
            f"{shown(key, depth - 1, seen)}:{shown(item, depth - 1, seen)}"
            for key, item in value.items()
        ]
        return kind.__name__ + "{" + ",".join(pairs) + "}"
    if isinstance(value, (type, types.FunctionType, types.ModuleType)):
        return getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if hasattr(value, "__next__"):
        items = itertools.islice(value, ITEMS)
        return "iterator[" + ",".join(shown(item, depth - 1, seen) for item in items) + "]"
    inside = dict(getattr(value, "__dict__", {}))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(value, name):
                inside[name] = getattr(value, name)
    text = ""
    if isinstance(value, (list, tuple, set, frozenset, str)):
        text = ",".join(shown(item, depth - 1, seen) for item in value) if kind is not str else ""
    state = ",".join(
        f"{name}={shown(item, depth - 1, seen)}"
        for name, item in sorted(inside.items())
        if not name.startswith("__")
    )
    if not inside and not text:
        text = re.sub(r"0x[0-9a-f]+", "", repr(value))
    return f"{kind.__qualname__}({text}|{state})"


def find(module, qualified):
    found = importlib.import_module(module)
    for name in qualified.split("."):
        raw = found.__dict__.get(name) if isinstance(found, type) else None
        found = getattr(found, name)
        if isinstance(raw, property):
            found = raw.fget
        elif isinstance(raw, classmethod):
            found = raw.__func__
    return found


def outcome(key, packed, seed, number):
    """Call once; return what it gave back and what it left in its first argument."""
    try:
        values, named = pickle.loads(packed)
        function = find(*key)
    except Exception as error:
        return "unusable:" + type(error).__name__
    if number and not mutated(random.Random(f"{seed}:{number}"), values, named):
        return "unusable:no plain argument"
    random.seed(seed)
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        result = shown(function(*values, **named))
        return "value:" + result + "|" + (shown(values[0]) if values else "")
    except CallTimedOut:
        return "hung"
    except Exception as error:
        return "raised:" + type(error).__qualname__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def alarm(_number, _frame):
    raise CallTimedOut


def replay(path, seed, mutants):
    calls = pickle.loads(pathlib.Path(path).read_bytes())
    signal.signal(signal.SIGALRM, alarm)
    answers = sys.stdout
    sys.stdout = sys.stderr  # what the called code prints is no answer
    hangs = {}
    for place, (key, packed, kind) in enumerate(calls):
        for number in range(mutants + 1):
            if hangs.get(key[1], 0) >= MAX_HANGS:
                break
            started = time.monotonic()
            said = outcome(tuple(key), packed, f"{seed}:{place}", number)
            hangs[key[1]] = hangs.get(key[1], 0) + (said == "hung")
            row = {
                "call": [place, number],
                "function": key[1],
                "kind": kind,
                "said": said,
                "seconds": time.monotonic() - started,
            }
            answers.write(json.dumps(row) + "\n")
            answers.flush()


if __name__ == "__main__":
    replay(sys.argv[1], sys.argv[2], int(sys.argv[3]))
