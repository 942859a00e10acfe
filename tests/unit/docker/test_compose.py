"""The compose files: what every container is held to, and what they take from `docker/.env`."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tests.support.documents import TOP

FOLDER = TOP / "docker"
FILES = ("compose.yaml", "compose.tls.yaml")
_VARIABLE = re.compile(r"\$\{([A-Z_]+)")


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in FILES:
        for name, service in yaml.safe_load((FOLDER / file).read_text())["services"].items():
            found[name] = {**found.get(name, {}), **service}
    return found


@pytest.mark.parametrize("name", sorted(services()))
def test_what_a_container_prints_is_bounded(name: str) -> None:
    logging = services()[name]["logging"]
    assert (logging["driver"], set(logging["options"])) == ("json-file", {"max-size", "max-file"})


@pytest.mark.parametrize("name", sorted(services().keys() - {"model"}))
def test_each_part_has_limits_and_no_more_rights_than_it_needs(name: str) -> None:
    service = services()[name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_worker_sees_the_engine_and_only_the_web_process_the_secrets_of_github() -> None:
    with_socket = {
        name
        for name, service in services().items()
        if any("docker.sock" in str(volume) for volume in service.get("volumes", ()))
    }
    assert with_socket == {"worker"}
    files = {
        name: {entry["path"] for entry in service.get("env_file", ())}
        for name, service in services().items()
    }
    assert {name for name, paths in files.items() if "github.env" in paths} == {"web"}
    assert {name for name, paths in files.items() if "model.env" in paths} == {"model"}


def test_every_image_of_others_can_be_pinned_by_its_digest() -> None:
    for name, service in services().items():
        if not service["image"].startswith("repair-"):
            assert re.match(r"\$\{[A-Z]+_IMAGE:-[\w./-]+:[\w.-]+\}$", service["image"]), name


def test_what_the_files_take_is_in_the_example() -> None:
    example = (FOLDER / ".env.example").read_text()
    for file in (*FILES, "compose.offline.yaml"):
        for variable in _VARIABLE.findall((FOLDER / file).read_text()):
            if variable not in OF_THE_DOCUMENTS:
                assert re.search(rf"^(?:# )?{variable}=", example, re.MULTILINE), variable


OF_THE_DOCUMENTS = {"REPAIR_VERSION", "REPAIR_BASE", "REPAIR_BUILD_NETWORK", "REPAIR_WORKER_NAME"}
OF_THE_DOCUMENTS |= {"REPAIR_MODEL_PATH"}
"""What docs/operations.md says of its own."""


def test_the_proxy_passes_on_the_largest_delivery() -> None:
    from workers.forges.webhook.delivery import MAX_BODY_BYTES

    (size,) = re.findall(r"max_size (\d+)MiB", (FOLDER / "Caddyfile").read_text())
    assert int(size) * 1024**2 >= MAX_BODY_BYTES
