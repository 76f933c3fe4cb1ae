"""A device that is not there: how to test for a GPU without one.

Its tensors compute on the CPU, and so give numbers; but they may not be mixed with the
CPU's, as a GPU's may not. So a weight, a table or a batch that was left behind is
found, and so is each line in which the program waits for the device. What it cannot
tell: speed, memory, half precision's rounding, streams, several devices.

To use it elsewhere, copy this file, and call `register()` before the first backward
pass of the process:

    import pretend
    pretend.register()
    model.to(pretend.DEVICE)
    with pretend.watch() as seen:
        training_step()
    assert seen.waits == []  # else: the operations for whose result the program waited

How: PyTorch keeps a place for devices of others, PrivateUse1, which can be filled from
Python. A tensor of it is a `Pretend`, a shell with another tensor inside, which lies on
the CPU. Every operation on a shell comes to `__torch_dispatch__`, which looks at the
devices, opens the shells, computes, and closes them again.
"""

import contextlib
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.utils import backend_registration
from torch.utils._pytree import tree_leaves, tree_map, tree_map_only

NAME = "pretend"
DEVICE = f"{NAME}:0"
aten = torch.ops.aten
COPIES = {aten.copy_.default, aten._to_copy.default}
# What a GPU must be waited for: a number, or how many numbers there are.
WAITS = {
    aten._local_scalar_dense.default,
    aten.equal.default,
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.repeat_interleave.Tensor,
}
INDEXED = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}


@dataclass
class Seen:
    """What happened on the device: names of operations, in order."""

    operations: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)


watching: list[Seen] = []


@contextlib.contextmanager
def watch():
    """Note what happens on the device meanwhile."""
    seen = Seen()
    watching.append(seen)
    try:
        yield seen
    finally:
        watching.remove(seen)


class Pretend(Tensor):
    """A shell that says it lies on the device, around a tensor that lies on the CPU."""

    @staticmethod
    def __new__(cls, held: Tensor) -> "Pretend":
        """Close a shell."""
        shell = Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        shell.held = held
        return shell

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """Do an operation as the device would: refuse, count, or compute."""
        kwargs = kwargs or {}
        with contextlib.suppress(NotImplementedError):
            done = func.decompose(*args, **kwargs)  # needed in inference mode
            if done is not NotImplemented:
                return done
        _check_devices(func, args, kwargs)
        for seen in watching:
            seen.operations.append(str(func))
            if _waits(func, args, kwargs):
                seen.waits.append(str(func))
        to_cpu = "device" in kwargs and torch.device(kwargs["device"]).type != NAME
        held = tree_map(_open, (args, kwargs))
        result = func(*held[0], **held[1])
        if to_cpu:
            return result
        changed = {id(x.held): x for x in tree_leaves((args, kwargs)) if _is_shell(x)}

        def close(x):
            return changed[id(x)] if id(x) in changed else Pretend(x)

        return tree_map_only(Tensor, close, result)

    def untyped_storage(self):
        """Return that of the tensor within, so that files see who shares memory."""
        return self.held.untyped_storage()

    def data_ptr(self):
        """Return that of the tensor within."""
        return self.held.data_ptr()

    def tolist(self):
        """Return the numbers; waits."""
        return self.cpu().tolist()

    def __format__(self, spec):
        """Write a single number; waits."""
        return format(self.cpu() if self.ndim else self.item(), spec)

    def __deepcopy__(self, memo):
        """Copy what is within; a parameter stays one."""
        shell = Pretend(self.held.detach().clone()).requires_grad_(self.requires_grad)
        shell.__dict__ |= {k: v for k, v in self.__dict__.items() if k == "_is_param"}
        memo[id(self)] = shell
        return shell

    def __reduce_ex__(self, protocol):
        """Go into files as a tensor of the CPU."""
        return self.held.__reduce_ex__(protocol)

    def __repr__(self, **kwargs):
        """Show the tensor within."""
        return f"Pretend({self.held!r})"


def _is_shell(x) -> bool:
    return isinstance(x, Pretend)


def _open(x):
    if _is_shell(x):
        return x.held
    return torch.device("cpu") if isinstance(x, torch.device) else x


def _check_devices(func, args, kwargs) -> None:
    """Refuse what a GPU refuses: tensors of two devices; but single numbers may mix."""
    tensors = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    if func in INDEXED and _is_shell(args[0]):  # its indices may lie on the CPU
        tensors = [args[0], *(x for x in args[2:3] if isinstance(x, Tensor))]
    apart = {_is_shell(x) for x in tensors if x.ndim or _is_shell(x)}
    if len(apart) == 2 and func not in COPIES:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {func} got some on "
            f"{DEVICE} and some on cpu"
        )


def _waits(func, args, kwargs) -> bool:
    """Return whether the program would wait for the device here."""
    if func in WAITS:
        return True
    if func is aten.index.Tensor:  # with a mask: how many are there?
        return any(x is not None and x.dtype == torch.bool for x in args[1])
    if func is aten.copy_.default:
        blocking = not (kwargs.get("non_blocking") or args[2:] == (True,))
        return blocking and _is_shell(args[0]) != _is_shell(args[1])
    if func is aten._to_copy.default:
        there = torch.device(kwargs.get("device") or args[0].device).type == NAME
        return there != _is_shell(args[0]) and not kwargs.get("non_blocking")
    return False


class _Module:
    """What PyTorch wants to know of a device's module, `torch.pretend`."""

    available = False  # so that nobody chooses it unasked

    def is_available(self):
        return self.available

    def is_initialized(self):
        return True

    def current_device(self):
        return 0

    def device_count(self):
        return 1

    def _is_in_bad_fork(self):
        return False

    def manual_seed_all(self, seed):
        pass

    def get_amp_supported_dtype(self):
        return [torch.bfloat16, torch.float16]


module = _Module()


def _empty(size, dtype=None, layout=None, device=None, pin_memory=None, **other):
    return Pretend(torch.empty(size, dtype=dtype, device="cpu", **other))


def _empty_strided(size, stride, dtype=None, layout=None, device=None, pin_memory=None):
    return Pretend(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


def _copy_from(source, target, non_blocking=False):
    """Fill a new tensor from a list of Python's, which a GPU is waited for."""
    for seen in watching:
        seen.waits.append("torch.tensor")
    _open(target).copy_(_open(source))
    return target


def is_possible() -> bool:
    """Return whether this PyTorch lets Python fill the place, and no GPU has it."""
    known = hasattr(backend_registration, "_setup_privateuseone_for_python_backend")
    return known and not (
        torch.cuda.is_available() or torch.backends.mps.is_available()
    )


def register() -> None:
    """Make the device known, once a process, before the first backward pass."""
    if hasattr(torch, NAME):
        return
    backend_registration._setup_privateuseone_for_python_backend(NAME, module)
    library = torch.library.Library("aten", "IMPL")
    library.impl("empty.memory_format", _empty, "PrivateUse1")
    library.impl("empty_strided", _empty_strided, "PrivateUse1")
    library.impl("_copy_from", _copy_from, "PrivateUse1")
    module.library = library  # it ends with its last name
