"""The packages of a workspace whose tests run, each in its own folder. Python 3.8+, standard
library only."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from .reported import path_of

_INSTALLED = "node_modules/"


def folder_of(request: Dict[str, Any], path: str) -> str:
    """The folder of the innermost package around a file; of the first where none is."""
    folders = [str(package["folder"]) for package in request["packages"]]
    around = [folder for folder in folders if not folder or path.startswith(folder + "/")]
    return max(around, key=len, default=folders[0])


def ids_of(request: Dict[str, Any], package: Dict[str, Any]) -> Optional[List[str]]:
    """The tests of a package that are asked for; None for all."""
    if request["ids"] is None:
        return None
    folder = package["folder"]
    return [name for name in request["ids"] if folder_of(request, path_of(name)) == folder]


def packages_left(request: Dict[str, Any]) -> List[Dict[str, Any]]:
    """The packages that are not through: this program may have been started again in one."""
    packages = list(request["packages"])
    if not request["skip"]:
        return packages
    last = folder_of(request, path_of(request["skip"][-1]))
    return packages[[package["folder"] for package in packages].index(last) :]


def nearest(request: Dict[str, Any], word: str) -> str:
    """A program of an installed package, where Node would find it from the package's folder."""
    if not word.startswith(_INSTALLED):
        return word
    top = request["workspace"]
    folder = os.path.join(top, request["folder"]).rstrip("/")
    while folder.startswith(top):
        path = os.path.join(folder, word)
        if os.path.exists(path):
            return path
        folder = os.path.dirname(folder)
    return word


def lacking(argv: List[str]) -> List[str]:
    """Programs of installed packages that `nearest` did not find."""
    return [word for word in argv if word.startswith(_INSTALLED)]


def placed(request: Dict[str, Any], path: str) -> str:
    """A path from the top, as it is called in the package's folder."""
    return os.path.relpath(path, request["folder"]) if request["folder"] else path
