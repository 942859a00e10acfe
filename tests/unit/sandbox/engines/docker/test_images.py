"""Which base image is taken for a project, of those that an engine has and can pull."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from sandbox.base import Interpreter
from sandbox.engines.docker.images import Images
from sandbox.languages.python.detection.packaging.build_system import BuildSystem
from sandbox.languages.python.detection.packaging.extensions import Extensions
from sandbox.languages.python.detection.project import PythonProject
from sandbox.languages.python.detection.test_setup import RunnerKind, TestSetup
from sandbox.languages.python.environments.interpreter_choice import choose_interpreter


@dataclass
class Engine:
    """An engine with these images: tag → whether it has a compiler."""

    local: dict[str, bool]
    registry: bool = True
    api: Any = field(init=False)
    images: Any = field(init=False)
    containers: Any = field(init=False)

    def __post_init__(self) -> None:
        listed = [{"RepoTags": [tag]} for tag in self.local]
        self.api = SimpleNamespace(images=lambda: listed)
        self.images = SimpleNamespace(get_registry_data=self._data)
        self.containers = SimpleNamespace(run=self._run)

    def _data(self, name: str) -> None:
        if not self.registry:
            raise APIError("no registry")

    def _run(self, reference: str, *_: object, **__: object) -> bytes:
        return json.dumps(["/usr/bin/python3", [3, 12, 4], self.local[reference]]).encode()


def project(**fields: Any) -> PythonProject:
    tests = TestSetup(runner=RunnerKind.PYTEST)
    return PythonProject(name="calc", import_roots=(".",), tests=tests, python="3.12", **fields)


COMPILED = {"extensions": Extensions(tool="setuptools", modules=("calc._c",))}
ASKING = {"build": BuildSystem(needs_git=True)}


@pytest.mark.parametrize(
    ("local", "fields", "taken"),
    [
        ({"python:3.12-slim": False}, {}, "python:3.12-slim"),
        ({}, {}, "python:3.12-slim"),
        ({}, COMPILED, "python:3.12"),
        ({}, ASKING, "python:3.12"),
        ({"python:3.12-slim": False}, COMPILED, "python:3.12"),
        ({"repair-base:bookworm": True}, COMPILED, "repair-base:bookworm"),
        ({"repair-base:bookworm": True}, {}, "repair-base:bookworm"),
    ],
)
def test_what_is_compiled_gets_an_image_with_a_compiler(
    local: dict[str, bool], fields: dict[str, Any], taken: str
) -> None:
    images = Images(Engine(local), None)
    available = [image.interpreter for image in images.all()]
    interpreter, _ = choose_interpreter(project(**fields), available, on_host=False)
    assert images.holding(interpreter).reference == taken


def test_without_a_registry_what_is_here_is_taken() -> None:
    images = Images(Engine({"repair-base:bookworm": False}, registry=False), None)
    available = [image.interpreter for image in images.all()]
    assert available == [Interpreter("/usr/bin/python3", (3, 12, 4), compiler=False)]
    interpreter, _ = choose_interpreter(project(**COMPILED), available, on_host=False)
    assert images.holding(interpreter).reference == "repair-base:bookworm"
