"""The shared components: what every domain uses, and nothing that knows a domain.

The environment is set here (and, for its threads, in scripts.app), because it must stand before torch, W&B and OpenMP
are imported, and every entry point imports `common` first.
"""

import os
from pathlib import Path


def cache_folder() -> Path:
    """For what outlives a run: $SOFTWARE2_CACHE, else software2/ in the user's cache folder."""
    given = os.environ.get("SOFTWARE2_CACHE")
    return Path(given or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "software2")


_DEFAULTS = {
    "WANDB_MODE": "offline",  # no account, no prompt, no network; WANDB_MODE=online uploads
    "WANDB_ERROR_REPORTING": "false",  # otherwise one DNS query a run, even offline
    "WANDB_SILENT": "true",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime would write an identifier into the home folder
    "MPLCONFIGDIR": str(cache_folder() / "matplotlib"),  # its font cache, and nobody's matplotlibrc
    "KINETO_LOG_LEVEL": "99",  # torch.profiler would tell the terminal when it starts and ends, and of no GPU
    "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads on busy cores run at a tenth of the speed
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)
# Some images pin OpenBLAS to an old kernel: NumPy, and so the hand-written programs, would run at half speed.
os.environ.pop("OPENBLAS_CORETYPE", None)
