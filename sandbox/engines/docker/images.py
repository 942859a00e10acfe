"""Base images of the Docker sandbox, and the Pythons in them."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, ContainerError, ImageNotFound

from sandbox.base import Interpreter
from sandbox.engines.docker.labels import new_labels
from sandbox.environments.interpreters import OLDEST_PYTHON_VERSION
from sandbox.errors import PythonNotFound, SandboxUnavailable
from sandbox.host.untrusted_json import read_json
from sandbox.session.socket_channel import ENGINE_ERRORS

ENVIRONMENT_REPOSITORY = "repair-environment"
OFFLINE_REPOSITORY = "repair-base"
PULLABLE_PYTHON_VERSIONS = ((3, 14), (3, 13), (3, 12), (3, 11), (3, 10), (3, 9), (3, 8))
"""`python:X.Y-slim` and `python:X.Y` exist on Docker Hub for each of these."""
VERSION_SCRIPT = """
import json, os, sys
headers = f"include/python{sys.version_info[0]}.{sys.version_info[1]}/Python.h"
folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
compilers = [os.path.join(folder, name) for folder in folders for name in ("cc", "gcc", "clang")]
compiles = os.path.isfile(os.path.join(sys.base_prefix, headers))
compiles = compiles and any(map(os.path.exists, compilers))
print(json.dumps([sys.executable, list(sys.version_info[:3]), compiles]))
"""


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """An image with a Python in it; the micro version is 0 until it is pulled."""

    reference: str
    interpreter: Interpreter
    local: bool


class Images:
    """Answers which image has which Python; asks each image once."""

    def __init__(self, client: Any, configured: str | None) -> None:
        """`configured` is the only base image used when the user names one."""
        self._client = client
        self._configured = configured
        self._lock = threading.Lock()
        self._found: tuple[BaseImage, ...] | None = None

    def all(self) -> tuple[BaseImage, ...]:
        """Return the base images that can be had, newest Python first, local ones before."""
        with self._lock:
            if self._found is None:
                self._found = tuple(self._look())
            return self._found

    def holding(self, interpreter: Interpreter) -> BaseImage:
        """Return the image that `interpreter` came from, or raise PythonNotFound."""
        for image in self.all():
            if image.interpreter == interpreter:
                return image
        raise PythonNotFound(
            f"no Docker image here has Python {'.'.join(map(str, interpreter.version))}"
        )

    def make_local(self, image: BaseImage) -> BaseImage:
        """Pull the image if it is not here yet. Raises SandboxUnavailable when that fails."""
        if image.local:
            return image
        try:
            self._client.images.pull(image.reference)
        except ENGINE_ERRORS as error:
            raise SandboxUnavailable(
                f"the Docker image {image.reference} cannot be pulled: {error}. Without a"
                " registry, make a base image with docker/offline-base.sh."
            ) from error
        interpreter = self._ask(image.reference)
        if interpreter is None:
            raise SandboxUnavailable(f"the Docker image {image.reference} has no usable Python")
        return BaseImage(reference=image.reference, interpreter=interpreter, local=True)

    def _look(self) -> list[BaseImage]:
        if self._configured:
            return self._look_configured(self._configured)
        images = [
            BaseImage(reference=tag, interpreter=interpreter, local=True)
            for tag in self._local_tags()
            if (interpreter := self._ask(tag))
        ]
        local = [image.interpreter for image in images]
        local_versions = {
            (entry.version[:2], compiler) for entry in local for compiler in (False, entry.compiler)
        }
        if self._registry_answers():
            images += [
                _pullable(version, compiler=compiler)
                for version in PULLABLE_PYTHON_VERSIONS
                for compiler in (False, True)
                if (version, compiler) not in local_versions
            ]
        return sorted(images, key=lambda image: image.interpreter.version, reverse=True)

    def _look_configured(self, reference: str) -> list[BaseImage]:
        try:
            self._client.images.get(reference)
        except ImageNotFound:
            self._pull(reference)
        interpreter = self._ask(reference)
        if interpreter is None:
            raise SandboxUnavailable(
                f"the configured Docker image {reference} has no Python"
                f" {OLDEST_PYTHON_VERSION[0]}.{OLDEST_PYTHON_VERSION[1]} or newer"
            )
        return [BaseImage(reference=reference, interpreter=interpreter, local=True)]

    def _pull(self, reference: str) -> None:
        try:
            self._client.images.pull(reference)
        except ENGINE_ERRORS as error:
            raise SandboxUnavailable(
                f"the configured Docker image {reference} is not here and cannot be pulled: {error}"
            ) from error

    def _local_tags(self) -> list[str]:
        # Not `images.list()`: it asks for each image again, and one may be gone by then.
        tags = [tag for image in self._client.api.images() for tag in image["RepoTags"] or ()]
        # Podman writes the registry before every name.
        offline_tags = rf"(localhost/)?{OFFLINE_REPOSITORY}:.*"
        pattern = re.compile(rf"(docker\.io/library/)?python:3\.\d.*|{offline_tags}")
        return sorted(tag for tag in tags if pattern.fullmatch(tag))

    def _registry_answers(self) -> bool:
        try:
            self._client.images.get_registry_data("python:3-slim")
        except ENGINE_ERRORS:
            return False
        return True

    def _ask(self, reference: str) -> Interpreter | None:
        """Run the image's own `python3` (no network, no rights) and read what it says."""
        try:
            output = self._client.containers.run(
                reference,
                ["-I", "-S", "-c", VERSION_SCRIPT],
                entrypoint="python3",
                network_mode="none",
                cap_drop=["ALL"],
                read_only=True,
                user="65532:65532",
                remove=True,
                labels=new_labels(),
            )
            path, version, compiles = read_json(output, _is_interpreter)
        except (ContainerError, APIError, ValueError):
            return None
        if tuple(version) < OLDEST_PYTHON_VERSION:
            return None
        numbers = (version[0], version[1], version[2])
        return Interpreter(path=path, version=numbers, compiler=compiles is True)


def _is_interpreter(value: Any) -> bool:
    """Path, three numbers of the version, and whether it can compile."""
    if not (isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)):
        return False
    version = value[1]
    is_version = isinstance(version, list) and len(version) == 3
    return is_version and all(isinstance(number, int) for number in version)


def _pullable(version: tuple[int, int], *, compiler: bool) -> BaseImage:
    """The slim image, or the whole one, which also has a compiler and git."""
    major, minor = version
    path = f"/usr/local/bin/python{major}.{minor}"
    interpreter = Interpreter(path=path, version=(major, minor, 0), compiler=compiler)
    reference = f"python:{major}.{minor}" + ("" if compiler else "-slim")
    return BaseImage(reference=reference, interpreter=interpreter, local=False)
