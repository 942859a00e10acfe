"""Settings of this installation. No other module reads the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent.model_address import checked_address
from sandbox.base import MEBIBYTE, Limits
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
        hide_input_in_errors=True,  # some hold passwords
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
    model_url: str | None = Field(default=None, repr=False)
    """OpenAI-compatible server for every job that names no model; None repairs without one. May
    hold a password."""
    model_api_key: SecretStr | None = None
    """Sent to the server of `--model-url`; never shown, never inside a sandbox."""
    model_wait_seconds: float = Field(default=600.0, ge=0)
    """How long a model's server that answered before and went away is waited for, within
    `--max-seconds`: one that is started anew reads its weights for minutes."""
    model_thinking_tokens: int = Field(default=8192, ge=0)
    """Tokens of one answer after which the model's thinking is closed; at most half of the answer.
    0 asks it not to think."""
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

    @field_validator("model_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        return None if url is None else checked_address(url)

    def session_limits(self, processors: float) -> Limits:
        """What one session may use of the machine."""
        return Limits(
            memory_bytes=self.memory_mebibytes * MEBIBYTE,
            workspace_bytes=self.workspace_mebibytes * MEBIBYTE,
            processes=self.processes,
            cpus=processors,
        )

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
