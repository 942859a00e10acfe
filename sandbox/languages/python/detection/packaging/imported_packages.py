"""Which packages of an index a project's tests import, by the names that are written there."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.languages.python.detection.config_files import MAX_CONFIG_FILE_BYTES, ConfigFiles

_MAX_TEST_FILES = 2_000
_IMPORT = re.compile(rb"^(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([\w., \t]+))", re.M)
_PLACED = frozenset(("pytest", "_pytest", "coverage", "setuptools", "pkg_resources", "pip"))
_OTHER_NAMES = {
    "attrs": "attr",
    "beautifulsoup4": "bs4",
    "djangorestframework": "rest_framework",
    "gitpython": "git",
    "msgpack-python": "msgpack",
    "opencv-python": "cv2",
    "pillow": "pil",
    "protobuf": "google",
    "psycopg2-binary": "psycopg2",
    "pycryptodome": "crypto",
    "pyjwt": "jwt",
    "pyopenssl": "openssl",
    "pyyaml": "yaml",
    "pyzmq": "zmq",
    "ruamel-yaml": "ruamel",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
    "setuptools": "pkg_resources",
    "zope-interface": "zope",
}
"""Distribution → top-level module, lower case, where the one does not follow from the other."""
TEST_LIBRARIES = frozenset(
    [
        *("ddt", "fakeredis", "flaky", "freezegun", "hypothesis", "mock", "nose", "parameterized"),
        *("pretend", "pyfakefs", "requests-mock", "responses", "respx", "six", "testfixtures"),
        *("time-machine", "vcrpy", "webtest"),
    ]
)
"""What old projects import in their tests and declare nowhere: the packages are what their
names say, and have been for years."""


def imported_by(files: ConfigFiles, test_paths: Iterable[str]) -> frozenset[str]:
    """Return the top-level modules, lower case, that the tests import and Python has not. What is
    imported in a block, or with `importorskip`, they can do without."""
    modules: set[str] = set()
    for path in sorted(test_paths)[:_MAX_TEST_FILES]:
        entry = files.snapshot.entries.get(path)
        if entry is None or entry.kind != "file" or entry.size > MAX_CONFIG_FILE_BYTES:
            continue
        content = files.snapshot.read(path)
        for first, imports in _IMPORT.findall(content):
            names = [first] if first else [part.split()[:1] for part in imports.split(b",")]
            modules |= {_top(name if isinstance(name, bytes) else b"".join(name)) for name in names}
    standard = {name.lower() for name in sys.stdlib_module_names}
    return frozenset(name for name in modules if name.isidentifier()) - standard - _PLACED


def own_modules(files: ConfigFiles) -> frozenset[str]:
    """Return every name, lower case, that a module or folder of the project goes by."""
    return frozenset(
        part.lower()
        for path in files.snapshot.python_files()
        for part in path.removesuffix(".py").split("/")
    )


def _top(name: bytes) -> str:
    return name.decode("ascii", "replace").split(".")[0].lower()


def provides(requirement: str, modules: Collection[str]) -> frozenset[str]:
    """Return which of these modules a requirement brings, as far as its name says."""
    name = name_of(requirement)
    plain = name.replace("-", "_")
    likely = {plain, plain.removeprefix("python_"), plain.removesuffix("_python")}
    likely.add(_OTHER_NAMES.get(name, plain))
    return frozenset(likely & set(modules))


def name_of(requirement: str) -> str:
    """Return a requirement's package in its one spelling; `""` for what is no requirement."""
    try:
        return canonicalize_name(Requirement(requirement).name)
    except (InvalidRequirement, RecursionError):
        return ""
