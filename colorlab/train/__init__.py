"""One training loop, from a laptop to many GPUs (book chapter: train)."""

from colorlab._lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "config": "PRESETS TrainConfig learning_rate",
        "diagnostics": "diagnose",
        "loop": "train train_step",
        "checkpoint": "Stopped",
        "run": "read_config read_records",
    },
)
