"""All that decides a training run, and recipes that work (book chapter: train)."""

from dataclasses import asdict, dataclass

# Numbers of the network and the prior, typed again (a test compares them), so that
# `colorlab train --help` need not wait for torch.
VARIANTS, STRIDE, LAM, N_NEIGHBORS = ("paper", "released"), 8, 0.5, 5
PRIOR = "tiny-imagenet"  # which colors are rare; ships with the package
LOSSES = ("rebal", "class", "l2")
CHOICES = {
    "variant": VARIANTS,
    "loss": LOSSES,
    "labels": ("mean", "point"),
    "optimizer": ("adamw", "adam"),
    "precision": ("auto", "no", "bf16", "fp16"),
}
AT_LEAST = {
    **dict.fromkeys(("width", "k", "batch_size", "steps", "grad_accum_steps"), 1),
    **dict.fromkeys(("save_every", "log_every", "size"), 1),
    **dict.fromkeys(("stretch", "warmup", "decay_every", "workers", "seed"), 0),
    **dict.fromkeys(("weight_decay", "cooldown", "lam", "ema_decay"), 0.0),
}
AT_MOST = {"lam": 1.0, "ema_decay": 0.99999}  # at 1 the mean never moves
POSITIVE = ("lr", "clip", "decay")
AUTHORS_PIXELS = 44 * 44  # labels of one of their photos: their loss sums over these


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a run (book chapter: train)."""

    width: int = 32
    variant: str = "paper"
    loss: str = "rebal"  # "class": lam = 1, no rebalancing; "l2": regression
    lam: float = LAM
    prior: str = PRIOR  # or a file that `colorlab prior` wrote
    k: int = N_NEIGHBORS
    labels: str = "mean"  # of the 4x4 pixels of a label; "point": its first pixel
    skip_gray: bool = True  # photos without color count nothing
    size: int = 64  # pixels; a source may ask for its own
    stretch: int = 0  # crop as the authors did, from a square of this many pixels
    batch_size: int = 64  # over all processes
    grad_accum_steps: int = 1  # parts in which a batch is computed, to save memory
    steps: int = 2_000
    optimizer: str = "adamw"  # "adam": weight decay enters the gradient
    lr: float = 2e-3
    beta2: float = 0.999
    weight_decay: float = 1e-2
    warmup: int = 200  # steps of rising learning rate
    cooldown: float = 0.4  # share of the steps in which it falls to 0
    decay: float = 0.316  # or by this factor,
    decay_every: int = 0  # every so many steps
    clip: float = 1.0  # largest gradient norm
    ema_decay: float = 0.0  # share of the running mean of weights that each step keeps
    precision: str = "auto"
    seed: int = 0
    save_every: int = 250
    log_every: int = 10
    workers: int = 1


PRESETS = {
    # An hour or so on two cores without bfloat16; less with it.
    "laptop": TrainConfig(),
    # A plan for one modern GPU, not yet run.
    "gpu_hour": TrainConfig(
        width=64,
        size=128,
        batch_size=128,
        steps=20_000,
        lr=1e-3,
        warmup=1000,
        save_every=1000,
        workers=8,
    ),
    # The authors' Caffe files, to the letter where known (Zhang et al. 2016, code).
    # Not theirs: batch norm has a learned scale; weights start as PyTorch's do, not
    # from k-means; 16-bit floats where the device has them. Our loss is a mean over
    # the pixels, theirs a sum, so our weight decay is theirs over the 44 x 44 labels.
    "authors": TrainConfig(
        width=64,
        variant="released",
        k=10,
        labels="point",
        size=176,
        stretch=256,
        batch_size=40,
        steps=450_000,
        optimizer="adam",
        lr=3.16e-5,
        beta2=0.99,
        weight_decay=1e-3 / AUTHORS_PIXELS,
        warmup=0,
        cooldown=0.0,
        decay_every=215_000,
        clip=1e9,  # none
        save_every=1000,
        log_every=50,
        workers=8,
    ),
    # Does it run at all?
    "smoke": TrainConfig(
        width=8,
        size=32,
        batch_size=16,
        steps=60,
        lr=5e-3,
        warmup=10,
        save_every=30,
        log_every=2,
        workers=0,
    ),
}


def check_config(config: TrainConfig) -> None:
    """See that a recipe is possible (book chapter: train).

    Parameters
    ----------
    config : TrainConfig
        The recipe.

    Raises
    ------
    ValueError
        If not; it names the field, what is expected and what came.
    """
    for name, value in asdict(config).items():
        if name in CHOICES and value not in CHOICES[name]:
            raise ValueError(f"{name} must be one of {CHOICES[name]}, got {value!r}")
        if name in AT_LEAST and not value >= AT_LEAST[name]:
            raise ValueError(f"{name} must be at least {AT_LEAST[name]}, got {value}")
        if name in AT_MOST and not value <= AT_MOST[name]:
            raise ValueError(f"{name} must be at most {AT_MOST[name]}, got {value}")
        if name in POSITIVE and not value > 0:
            raise ValueError(f"{name} must be positive, got {value}")
    if config.size % STRIDE:
        raise ValueError(f"size must be a multiple of {STRIDE}, got {config.size}")
    if config.stretch and config.stretch < config.size:
        raise ValueError(f"stretch must be size or more, got {config.stretch}")


def learning_rate(step: int, config: TrainConfig) -> float:
    """Give the learning rate of a step: up, flat, and down to 0 in a line.

    Parameters
    ----------
    step : int
        From 0.
    config : TrainConfig
        Its lr, warmup, cooldown, decay, decay_every and steps count.

    Returns
    -------
    float
        A flat middle (unlike a cosine) lets a run be made longer before the descent
        has begun. With `decay_every`, it also falls in steps. Book chapter: train.
    """
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    fall = min(1.0, (config.steps - step) / max(1.0, config.cooldown * config.steps))
    stairs = config.decay ** (step // config.decay_every) if config.decay_every else 1
    return config.lr * min(rise, fall) * stairs


def fast_precision() -> str:
    """Give the number format in which this machine trains fastest.

    Returns
    -------
    str
        "bf16" where the device computes with bfloat16, else "fp16" on a GPU, else
        "no" for float32. A processor without bfloat16 imitates it, some twenty times
        slower. Book chapter: train.
    """
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(False) else "fp16"
    if torch.backends.mps.is_available() or not torch.backends.mkldnn.is_available():
        return "no"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "no"
