"""A network on its device, its optimizer and running mean (book chapter: train)."""

from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from torch.optim.swa_utils import AveragedModel

from colorlab.network import best_device
from colorlab.train.config import fast_precision
from colorlab.transfer import BorrowedNet, Network, make_network
from colorlab.weights import shape_of


def make_accelerator(out: Path, precision: str, device: str) -> Accelerator:
    """Choose device and number format, and join the other processes.

    Parameters
    ----------
    out : Path
        The run's folder, for TensorBoard.
    precision, device : str
        As in `TrainConfig`.

    Returns
    -------
    Accelerator
        It carries what is to run on one device or many.

    Raises
    ------
    ValueError
        If the device is not there.
    """
    here = best_device().type
    if device not in ("auto", "cpu", here):
        raise ValueError(f"device must be auto, cpu or {here} here, got {device!r}")
    if precision == "fp16" and "cpu" in (device, here):
        raise ValueError("precision must be auto, no or bf16 on a processor, got fp16")
    if here == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32 where it has it
        # The fastest convolution may be another one in the next run, with other bits.
        torch.backends.cudnn.benchmark = (
            not torch.are_deterministic_algorithms_enabled()
        )
    return Accelerator(
        cpu="cpu" in (device, here),  # else it forms no group of CPUs
        mixed_precision=fast_precision(device) if precision == "auto" else precision,
        log_with="tensorboard",
        project_dir=out,
    )


def start_from(network: Network, init: Network | None) -> None:
    """Take over the weights of another network, in place.

    Parameters
    ----------
    network : Network
        The one to train.
    init : Network, optional
        None leaves the random weights.

    Raises
    ------
    ValueError
        If `init` has other layers, or is missing where an encoder cannot do without.
    """
    if init is None:
        if getattr(network, "frozen_norm", False):
            raise ValueError(
                f"init must be given for variant {network.variant}: pass --init "
                "borrowed or an encoder's file, or --no-frozen-norm for random weights"
            )
        return
    wanted, got = (
        f"width {model.width}, variant {model.variant} and a head of {model.head}"
        for model in (network, init)
    )
    if wanted != got:
        raise ValueError(
            f"init must have {wanted}, as config says; it has {got}: pass --width "
            f"{init.width} --variant {init.variant} and its loss"
        )
    network.load_state_dict(init.state_dict())


def make_optimizer(
    network: Network, kind: str, frozen: bool, **settings: Any
) -> torch.optim.Optimizer:
    """Return an optimizer, with an encoder's weights in a group of their own.

    Parameters
    ----------
    network : Network
        What it learns.
    kind : str
        "adamw" or "adam".
    frozen : bool
        A pretrained encoder stays as it came: it is told to need no gradients.
    **settings
        For the optimizer.

    Returns
    -------
    Optimizer
        The second group, if there is one, is the encoder.
    """
    encoder = []
    if isinstance(network, BorrowedNet):
        encoder = network.encoder_parameters()
    for parameter in encoder:
        parameter.requires_grad_(not frozen)
    apart = {id(parameter) for parameter in encoder}
    others = [p for p in network.parameters() if id(p) not in apart]
    groups = [{"params": params} for params in (others, encoder) if params]
    return {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[kind](
        groups, **settings
    )


def on_device(accelerator: Accelerator, network: Network) -> torch.nn.Module:
    """Move a network to the device; its weights may be other tensors there.

    Parameters
    ----------
    accelerator : Accelerator
        Has the device.
    network : Network
        The one to train.

    Returns
    -------
    Module
        The same. On several GPUs its batch norm is computed over all shares of a
        batch, unless it is frozen.
    """
    model: Any = network
    model.to(accelerator.device, memory_format=torch.channels_last)
    several = accelerator.num_processes > 1 and accelerator.device.type == "cuda"
    if several and not getattr(network, "frozen_norm", False):
        model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model


def running_mean(
    accelerator: Accelerator,
    model: torch.nn.Module,
    optimizer: AcceleratedOptimizer,
    keep: float,
) -> torch.nn.Module:
    """Return the running mean of the weights, or the model itself if it keeps none.

    Parameters
    ----------
    accelerator : Accelerator
        It saves the mean with each checkpoint.
    model, optimizer
        As accelerate has prepared them; after each step, the mean is moved.
    keep : float
        How much of the mean stays at a step.

    Returns
    -------
    Module
        Wraps a network.
    """
    if not keep:
        return model
    averaged = AveragedModel(unwrapped(model), use_buffers=True)
    optimizer.optimizer.register_step_post_hook(
        lambda *_: _update_mean(averaged, unwrapped(model), keep)
    )
    return accelerator.prepare_model(averaged, evaluation_mode=True)  # saved with it


@torch.no_grad()
def _update_mean(averaged: AveragedModel, model: torch.nn.Module, keep: float) -> None:
    """Move the mean weights toward a model's; the first time, copy them.

    `AveragedModel.update_parameters` would wait for the device, to ask whether it is
    the first time.
    """
    share = torch.where(averaged.n_averaged == 0, 1.0, 1 - keep)
    tensors = (part.state_dict().values() for part in (averaged.module, model))
    for mean, now in zip(*tensors, strict=True):
        if mean.is_floating_point():
            mean.lerp_(now, share)
        else:
            mean.copy_(now)
    averaged.n_averaged += 1


def unwrapped(model: Any) -> Network:
    """Take a network out of what accelerate, DDP and averaging wrap around it."""
    while hasattr(model, "module"):
        model = model.module
    return model


def bare(model: torch.nn.Module) -> Network:
    """Copy the network out of what has been wrapped around it, in eval mode."""
    inner = unwrapped(model)
    network = make_network(**shape_of(inner))
    network.to(inner.centers.device).load_state_dict(inner.state_dict())
    return network.eval()
