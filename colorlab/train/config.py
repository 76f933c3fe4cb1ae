"""All that decides a training run, and recipes that work (book chapter: train).

A field of `TrainConfig` is the one place that knows its help, its range and whether a
resumed run may change it: checks, command-line options, the table of the chapter and
the rules of resuming are read from it.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import Any

# Numbers of the network and the prior, typed again (a test compares them), so that
# `colorlab train --help` need not wait for torch.
VARIANTS, BORROWED = ("paper", "released", "borrowed"), "borrowed"
STRIDE, LAM, N_NEIGHBORS = 8, 0.5, 5
PRIOR = "tiny-imagenet"  # which colors are rare; ships with the package
AUTHORS_PIXELS = 44 * 44  # labels of one of their photos: their loss sums over these
LOSSES, LABELS = ("rebal", "class", "l2"), ("mean", "point")
OPTIMIZERS, PRECISIONS = ("adamw", "adam"), ("auto", "no", "bf16", "fp16")
DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
NEAR_1 = 0.99999  # at 1 a running mean never moves
SCHEMA = 2  # of config.json; the first edition's has no number, and is 1
RENAMED = {"average": "ema_decay", "accumulate": "grad_accum_steps"}  # since schema 1
# What fields that older files lack were, in effect, when those were written.
ABSENT = {"prior": PRIOR, "skip_gray": True, "ema_decay": 0.0, "device": "auto"}
ABSENT |= {"shares": "", "encoder_lr": 3e-4, "encoder_after": 0, "frozen_norm": True}
KINDS = {int: "a whole number", float: "a finite number", str: "text"}
KINDS[bool] = "True or False"


def _option(default: Any, help: str, **rules: Any) -> Any:
    """Return a field; rules: choices, least, most, above, free (on resume), group."""
    return field(default=default, metadata={"help": help, **rules})


ENCODER = f"The encoder of --variant {BORROWED}"
_encoder = partial(_option, group=ENCODER)
_authors = partial(_option, group="The authors' recipe")


@dataclass(frozen=True)
class TrainConfig:
    """All that decides a run; impossible values raise ValueError (see `check_config`).

    Examples
    --------
    >>> TrainConfig(width=16).lr
    0.002
    >>> TrainConfig(width=32.5)
    Traceback (most recent call last):
    ValueError: width must be a whole number, got 32.5
    """

    width: int = _option(32, "Channels of the first block, or the head.", least=1)
    variant: str = _option(
        "paper", "Layers: paper, released, borrowed.", choices=VARIANTS
    )
    loss: str = _option("rebal", "Rebalanced or plain classes, or L2.", choices=LOSSES)
    lam: float = _option(LAM, "Rebalancing: 1 is none, 0 the most.", least=0, most=1)
    prior: str = _option(PRIOR, "How frequent colors are: a file of `colorlab prior`.")
    skip_gray: bool = _option(True, "Images without color do not count.")
    size: int = _option(64, f"Pixels, a multiple of {STRIDE}; see DATA@SIZE.", least=8)
    shares: str = _option("", "Of each DATA in a batch, e.g. 2,1; else by number.")
    batch_size: int = _option(64, "Images a step, over all processes.", least=1)
    grad_accum_steps: int = _option(1, "Parts of a batch, to save memory.", least=1)
    steps: int = _option(2_000, "In all, also after a resume.", least=1, free=True)
    lr: float = _option(2e-3, "Highest learning rate.", above=0, free=True)
    warmup: int = _option(200, "Steps of rising learning rate.", least=0, free=True)
    cooldown: float = _option(0.4, "Share of falling learning rate.", least=0, most=1)
    clip: float = _option(1.0, "Largest gradient norm.", above=0, free=True)
    weight_decay: float = _option(1e-2, "Pull of the weights to 0.", least=0)
    ema_decay: float = _option(0.0, "EMA of weights, e.g. 0.998.", least=0, most=NEAR_1)
    precision: str = _option(
        "auto", "Number format of the network.", choices=PRECISIONS
    )
    seed: int = _option(0, "Decides weights, order and crops.", least=0, most=2**32 - 1)
    save_every: int = _option(250, "Steps between saves.", least=1, free=True)
    log_every: int = _option(10, "Steps in a record.", least=1, free=True)
    workers: int = _option(1, "Data-loader processes.", least=0, free=True)
    device: str = _option("auto", "Where to compute.", choices=DEVICES, free=True)
    # Only the variant `borrowed` has these.
    encoder_lr: float = _encoder(3e-4, "Rate of the encoder; 0: it stays.", least=0)
    encoder_after: int = _encoder(0, "Steps before the encoder learns.", least=0)
    frozen_norm: bool = _encoder(True, "The encoder keeps its batch norm.")
    # Only the preset `authors` changes these.
    k: int = _authors(N_NEIGHBORS, "Bins that share a pixel.", least=1, most=16)
    labels: str = _authors("mean", "Of 4x4 pixels: mean or one point.", choices=LABELS)
    stretch: int = _authors(0, "Crop from a square of so many pixels.", least=0)
    optimizer: str = _authors("adamw", "Or adam with L2 penalty.", choices=OPTIMIZERS)
    beta2: float = _authors(0.999, "Of the optimizer.", least=0, most=NEAR_1)
    decay: float = _authors(0.316, "Factor of the rate every DECAY_EVERY.", above=0)
    decay_every: int = _authors(0, "Steps; 0: never.", least=0)

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        check_config(self)


def check_config(config: TrainConfig) -> None:
    """Refuse values that no run can have.

    Parameters
    ----------
    config : TrainConfig
        Its fields say what is possible.

    Raises
    ------
    ValueError
        It names the field, what is expected and what came.
    """
    for option in fields(config):
        _check_value(option.name, option.type, option.metadata, config)
    if config.size % STRIDE:
        raise ValueError(f"size must be a multiple of {STRIDE}, got {config.size}")
    if config.stretch and config.stretch < config.size:
        raise ValueError(f"stretch must be size or more, got {config.stretch}")
    if config.variant == BORROWED and config.loss == "l2":
        raise ValueError(f"loss must be rebal or class for variant {BORROWED}, got l2")
    for option in fields(config):
        of_encoder = option.metadata.get("group") == ENCODER
        changed = getattr(config, option.name) != option.default
        if of_encoder and changed and config.variant != BORROWED:
            raise ValueError(f"{option.name} must be left out but for {BORROWED}")
    parse_shares(config.shares)


def _check_value(name: str, kind: Any, rules: Mapping, config: TrainConfig) -> None:
    value = getattr(config, name)
    number = kind is float and type(value) is int or type(value) is kind
    if not number or (kind is float and not math.isfinite(value)):
        raise ValueError(f"{name} must be {KINDS[kind]}, got {value!r}")
    if "choices" in rules and value not in rules["choices"]:
        raise ValueError(f"{name} must be one of {rules['choices']}, got {value!r}")
    if "least" in rules and value < rules["least"]:
        raise ValueError(f"{name} must be at least {rules['least']}, got {value}")
    if "most" in rules and value > rules["most"]:
        raise ValueError(f"{name} must be at most {rules['most']}, got {value}")
    if "above" in rules and value <= rules["above"]:
        raise ValueError(f"{name} must be more than {rules['above']}, got {value}")


def parse_shares(text: str) -> list[float]:
    """Return the shares of the data sets, as the field `shares` has them.

    Parameters
    ----------
    text : str
        Numbers with commas between, or nothing.

    Returns
    -------
    list of float
        Empty without shares.

    Raises
    ------
    ValueError
        If one is no positive number.

    Examples
    --------
    >>> parse_shares("2,0.5")
    [2.0, 0.5]
    """
    try:
        shares = [float(share) for share in text.split(",")] if text else []
        if all(0 < share < math.inf for share in shares):
            return shares
    except ValueError:
        pass
    raise ValueError(f"shares must be positive numbers, such as 2,1, got {text!r}")


def changed_fields(before: TrainConfig, after: TrainConfig, free: bool) -> list[str]:
    """Describe the fields that differ between two configurations.

    Parameters
    ----------
    before, after : TrainConfig
        Two configurations.
    free : bool
        Look at the fields that a resumed run may change, or at the others. The prior
        is left out: it is compared by what its file holds.

    Returns
    -------
    list of str
        Such as "lr 0.005 -> 0.01".

    Examples
    --------
    >>> changed_fields(TrainConfig(), TrainConfig(lr=1e-3, width=8), free=True)
    ['lr 0.002 -> 0.001']
    """
    values = [
        (option.name, getattr(before, option.name), getattr(after, option.name))
        for option in fields(TrainConfig)
        if option.metadata.get("free", False) == free and option.name != "prior"
    ]
    return [f"{name} {old} -> {new}" for name, old, new in values if old != new]


def config_to_json(config: TrainConfig) -> dict:
    """Return what `config.json` holds: the fields and the number of the schema."""
    return {"schema": SCHEMA, **asdict(config)}


def config_from_json(content: object) -> TrainConfig:
    """Return the configuration that a `config.json` of any edition holds.

    Parameters
    ----------
    content : object
        The file's content, parsed.

    Returns
    -------
    TrainConfig
        Fields of older files under their names of today; a field that a file is too
        old to have is what it was, in effect, at that time.

    Raises
    ------
    ValueError
        If it is of a newer edition, or no configuration.

    Examples
    --------
    >>> config_from_json(config_to_json(TrainConfig(seed=7))).seed
    7
    """
    if not isinstance(content, dict) or "steps" not in content:
        raise ValueError("it is not the configuration of a run")
    if content.get("schema", 1) not in range(1, SCHEMA + 1):
        raise ValueError(f"its schema is {content['schema']}; known are 1..{SCHEMA}")
    given: dict = {RENAMED.get(k, k): v for k, v in content.items() if k != "schema"}
    given = ABSENT | given
    names = {option.name for option in fields(TrainConfig)}
    if given.keys() != names:
        odd = ", ".join(sorted(given.keys() ^ names))
        raise ValueError(f"these fields are unknown or missing: {odd}")
    return TrainConfig(**given)


PRESETS = {
    # An hour or so on two cores without bfloat16; less with it.
    "laptop": TrainConfig(),
    # A plan for one modern GPU, where its first steps were run.
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
    # With --init: go on from a trained network, at the size at which it is used.
    "finetune": TrainConfig(size=128, batch_size=16, steps=250, lr=2e-4, warmup=20),
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


def learning_rate(step: int, config: TrainConfig) -> float:
    """Return the learning rate of a step: up, flat, and down to 0 in a line.

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

    Examples
    --------
    >>> config = TrainConfig(steps=100, lr=1.0, warmup=10, cooldown=0.5)
    >>> [round(learning_rate(step, config), 2) for step in (0, 9, 50, 75, 99)]
    [0.1, 1.0, 1.0, 0.5, 0.02]
    """
    rise = min(1.0, (step + 1) / max(1, config.warmup))
    fall = min(1.0, (config.steps - step) / max(1.0, config.cooldown * config.steps))
    stairs = config.decay ** (step // config.decay_every) if config.decay_every else 1
    return config.lr * min(rise, fall) * stairs


def encoder_rate(step: int, config: TrainConfig) -> float:
    """Return the learning rate of a pretrained encoder, in proportion to the other.

    Parameters
    ----------
    step : int
        From 0.
    config : TrainConfig
        Its encoder_lr and encoder_after count, and what `learning_rate` reads.

    Returns
    -------
    float
        0 before the step `encoder_after`.

    Examples
    --------
    >>> settings = {"variant": "borrowed", "warmup": 0, "lr": 1.0}
    >>> config = TrainConfig(**settings, encoder_lr=0.1, encoder_after=9)
    >>> [encoder_rate(step, config) for step in (8, 9)]
    [0.0, 0.1]
    """
    free = step >= config.encoder_after
    return free * learning_rate(step, config) * config.encoder_lr / config.lr


def fast_precision(device: str = "auto") -> str:
    """Return the number format in which this machine trains fastest.

    Parameters
    ----------
    device : str
        "cpu" if it is to be used even where there is a GPU.

    Returns
    -------
    str
        "bf16" where the device computes with bfloat16, else "fp16" on a GPU, else
        "no" for float32. A processor without bfloat16 imitates it, which is slower.
        Book chapter: train.
    """
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(False) else "fp16"
    on_mps = device != "cpu" and torch.backends.mps.is_available()
    if on_mps or not torch.backends.mkldnn.is_available():
        return "no"
    return "bf16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "no"
