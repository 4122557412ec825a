"""Checkpoints: written whole or not at all, read without unpickling objects."""

import io
import os
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import TorchCheckpointIO

from common.cost import TrainingClock
from common.module import Module

CHECKPOINT = "last.ckpt"


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes beside the checkpoint, then renames.

    Lightning's own goes through the system's temporary folder: onto another file system that is a copy, and a process
    killed meanwhile leaves half a checkpoint where the last whole one was.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_whole(Path(path), buffer.getbuffer())


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Puts `data` in the place of what `path` holds, or leaves that as it is.

    Raises:
        OSError: the disk is full, or not to be written on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(
            f"{path}: given a disk that does not take it ({error.strerror}), wanted room for {len(data):,} bytes; "
            "what was there is untouched"
        ) from error


def load(path: Path, module: Module, clock: TrainingClock) -> None:
    """Fills the module and the clock from a checkpoint.

    Raises:
        ValueError: it is missing, damaged, or of another net.
    """
    if not path.is_file():
        raise ValueError(f"run: given {path.parent}, wanted the folder of a run with {path.name} in it")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        module.load_state_dict(checkpoint["state_dict"])
        clock.load_state_dict(checkpoint["callbacks"][TrainingClock.__qualname__])
    except Exception as error:  # torch names a damaged file, a missing key and a wrong shape each by another type
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"{path}: given a damaged checkpoint or another net's, wanted {module.name}'s: {reason}"
        ) from error
