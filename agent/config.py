"""Settings of this installation. No other module reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from sandbox.base import MEBIBYTE
from sandbox.egress.rules import split_host
from sandbox.environments.build_settings import BuildSettings

Place = Annotated[Path, AfterValidator(Path.absolute)]
"""Where we begin is not where the processes begin that we start."""


class Settings(BaseSettings):
    """Read from `REPAIR_*` variables. The target repository can change none of these."""

    model_config = SettingsConfigDict(
        env_prefix="REPAIR_",
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,  # a compose file passes on what its user left empty
    )

    state_dir: Place = Field(default_factory=lambda: platformdirs.user_state_path("repair"))
    """Runs, checkpoints and results."""
    cache_dir: Place = Field(default_factory=lambda: platformdirs.user_cache_path("repair"))
    """Environments, kept between runs; safe to delete."""
    kept_runs: int = Field(default=50, ge=0)
    """So many of the newest ended runs are kept whole; older ones without checkpoints and
    snapshot, which `repair resume` and `--apply` need."""
    retention_days: float = Field(default=30.0, gt=0)
    """How long these older ones are kept; what can be resumed is kept until it has ended. A service
    keeps ended jobs, their events, checkpoints and run folders as long."""
    owner: str = ""
    """Whose job it is: environments in which a project's code ran are not shared with others.
    A service sets it for each job."""
    docker_runtime: str | None = None
    """`runsc` for gVisor; None for the engine's default."""
    docker_image: str | None = None
    """Base image to build environments on; None picks `python:X.Y-slim`."""
    pip_index_url: str | None = None
    """Package mirror used in the install stage."""
    pip_extra_index_url: str | None = None
    pip_find_links: str | None = None
    ca_bundle: Place | None = None
    """PEM file with a company's CA, used in the install stage."""
    allow_hosts: str | None = None
    """Hosts beside the package indexes that an installation may reach; spaces or commas between."""
    https_proxy: str | None = Field(default=None, validation_alias="HTTPS_PROXY", repr=False)
    """This machine's own proxy, which packages are fetched through; may hold a password."""
    no_proxy: str = Field(default="", validation_alias="NO_PROXY")
    """Hosts that are reached without it."""
    model_url: str | None = None
    """OpenAI-compatible server for every job that names no model; None repairs without one."""
    model_api_key: SecretStr | None = None
    """Sent to the server of `--model-url`; never shown, never inside a sandbox."""
    memory_mebibytes: int = 2048
    """Memory of one sandbox."""
    workspace_mebibytes: int = 1024
    """Writable space of one sandbox."""
    processes: int = 256
    """Processes of one sandbox."""
    environment_mebibytes: int = 8192
    """What the installation of one project may take of the disk."""

    @field_validator("allow_hosts")
    @classmethod
    def _are_hosts(cls, hosts: str | None) -> str | None:
        for host in _words(hosts):
            split_host(host)
        return hosts

    def build_settings(self) -> BuildSettings:
        """The part of these settings that the install stage uses."""
        extra = self.pip_extra_index_url
        links = self.pip_find_links
        return BuildSettings(
            cache_dir=self.cache_dir,
            index_url=self.pip_index_url,
            extra_index_urls=tuple(extra.split()) if extra else (),
            find_links=tuple(links.split()) if links else (),
            ca_bundle=self.ca_bundle,
            allow_hosts=_words(self.allow_hosts),
            upstream_proxy=self.https_proxy,
            no_proxy=self.no_proxy,
            docker_image=self.docker_image,
            docker_runtime=self.docker_runtime,
            environment_bytes=self.environment_mebibytes * MEBIBYTE,
        )


def _words(text: str | None) -> tuple[str, ...]:
    return tuple((text or "").replace(",", " ").split())
