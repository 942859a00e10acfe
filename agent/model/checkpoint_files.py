"""Where the files of a checkpoint are: found without torch, so that a wrong path is told early."""

from __future__ import annotations

import importlib
from pathlib import Path

from agent.model.errors import NoWeights

WEIGHT_PATTERNS = ("*.safetensors", "pytorch_model*.bin")


def weights_folder(path: str) -> Path:
    """The folder that holds a checkpoint. Raises NoWeights with what to do."""
    folder = Path(path).expanduser()
    if not folder.exists() and path.count("/") == 1 and not path.startswith((".", "~", "/")):
        folder = _from_hub_cache(path)
    if not folder.is_dir():
        raise NoWeights(
            f"there is no model at {path}; download one, e.g. "
            "`hf download Qwen/Qwen3.6-27B --local-dir DIR`, and give its folder"
        )
    if not (folder / "config.json").is_file():
        raise NoWeights(f"{path} is no model checkpoint: it has no config.json")
    if not any(any(folder.glob(pattern)) for pattern in WEIGHT_PATTERNS):
        raise NoWeights(
            f"{path} has a config.json but no weights (*.safetensors); the download was not "
            "finished, or left large files as pointers"
        )
    return folder


def _from_hub_cache(name: str) -> Path:
    hub = importlib.import_module("huggingface_hub")
    try:
        return Path(hub.snapshot_download(name, local_files_only=True))
    except (OSError, ValueError) as error:
        raise NoWeights(
            f"{name} is not in the local model cache; `hf download {name}` fetches it"
        ) from error
