"""Checks of exercises: one word if an answer is right, else one sentence."""

import copy
import functools
import inspect
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, as_tensor

MOST = 6  # values that are shown one by one


class _Wrong(Exception):
    """What is wrong with an answer."""


def check(judge: Callable[..., str | None]) -> Callable[..., str]:
    """Make a check of answers: it returns "right", or what is wrong in a sentence.

    Parameters
    ----------
    judge : function
        Gets `ask` in place of each answer; returns a sentence, or None. `ask(*inputs)`
        calls an answer with copies of the inputs, `ask()` is the answer itself. It must
        be as `want`, up to `within`, or of shape and kind as `like`. `given` names the
        inputs, `why` a hint, `slips` what typical mistakes give (sentence: value).

    Examples
    --------
    >>> @check
    ... def check_double(ask):
    ...     ask(3, want=6)
    >>> check_double(lambda x: 2 * x), check_double(lambda x: x * x)
    ('right', 'given 3: wanted 6, got 9')
    """

    @functools.wraps(judge)
    def judged(*answers: Any) -> str:
        try:
            return judge(*(functools.partial(_ask, a) for a in answers)) or "right"
        except _Wrong as wrong:
            return str(wrong)
        except Exception as error:  # the judge met what it did not expect
            return f"this answer cannot be judged: {type(error).__name__}: {error}"

    return judged


def _ask(answer: Any, *inputs: Any, given: str = "", **wanted: Any) -> Any:
    told = [*map(_show, inputs)]
    given = given or ("" if "shape" in str(told) else ", ".join(told))
    try:
        return _compare(_call(answer, inputs), **wanted)
    except _Wrong as wrong:
        raise _Wrong(f"given {given}: {wrong}" if given else str(wrong)) from None


def _call(answer: Any, inputs: tuple[Any, ...]) -> Any:
    """Return what the answer gives, or raise why there is nothing."""
    if inputs and not callable(answer):
        raise _Wrong(f"wanted a function, got {_show(answer)}: give it uncalled")
    if not inputs and inspect.isroutine(answer):
        raise _Wrong("wanted a value, got a function: call it")
    try:
        found = answer(*copy.deepcopy(inputs)) if inputs else answer
    except Exception as error:  # whatever a reader may have written
        line = [f.line for f in traceback.extract_tb(error.__traceback__)[1:2]]
        told = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise _Wrong(told + "".join(f", in `{t}`" for t in line if t)) from None
    if found is None:
        raise _Wrong(f"nothing came back{': is there a return?' if inputs else ''}")
    return found


def _compare(
    found: Any,
    want: Any = None,
    like: Any = None,
    within: float = 1e-4,
    why: str = "",
    slips: dict[str, Any] | None = None,
) -> Any:
    """Return a result in the form of another, or raise how it differs."""
    if (like := want if like is None else like) is None:
        return found
    fitted = _fit(found, like)
    if want is not None and (told := _apart(fitted, want, within)):
        close = [s for s, v in (slips or {}).items() if not _apart(fitted, v, within)]
        raise _Wrong(close[0] if close else told + (why and f"; {why}"))
    return as_tensor(fitted).to(like) if isinstance(like, Tensor) else fitted


def _fit(found: Any, like: Any) -> Any:
    """Return an array, number or other value of the shape and kind of another."""
    if isinstance(like, dict | set | str):
        if not isinstance(found, type(like)):
            raise _Wrong(f"wanted a {type(like).__name__}, got {_show(found)}")
        return found
    try:
        array, model = _array(found), _array(like)
    except (TypeError, ValueError, RuntimeError):  # of rows of several lengths
        raise _Wrong(f"wanted {_show(like)}, got {_show(found)}") from None
    if model.dtype.kind == "i" and not isinstance(like, Tensor | np.ndarray):
        model = model * 1.0  # plain numbers: 2 and 2.0 are the same
    if model.shape == ():
        array = array.reshape(() if array.size == 1 else -1)
    if array.shape != model.shape:
        raise _Wrong(f"wanted shape {model.shape}, got {array.shape}")
    if not np.can_cast(array.dtype, model.dtype, "same_kind"):
        raise _Wrong(f"wanted {model.dtype}, got {array.dtype}")
    return array if model.shape else array.item()


def _apart(found: Any, want: Any, within: float) -> str:
    """Say where a result differs from what is wanted; nothing if it does not."""
    array, model = _array(found), _array(want)
    if model.dtype.kind not in "iuf":
        same = array.shape == model.shape and (array == model).all()
        return "" if same else f"wanted {_show(want)}, got {_show(found)}"
    with np.errstate(invalid="ignore"):
        far = np.nan_to_num(abs(array - model.astype(float)), nan=np.inf)
    far = np.where(array == model, 0, far)  # infinities, too
    if far.max(initial=0) <= within:
        return ""
    if far.size <= MOST:
        return f"wanted {_show(want)}, got {_show(found)}"
    at = tuple(map(int, np.argwhere(far > within)[0]))
    return f"wanted {model[at]:.4g} at {at}, got {array[at]:.4g}"


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)


def _show(value: Any) -> str:
    """Write a value in short."""
    if isinstance(value, Tensor | np.ndarray):
        shape = tuple(value.shape)
        return _show(value.tolist()) if np.prod(shape) <= MOST else f"shape {shape}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple) and len(value) <= MOST:
        return str([*map(_show, value)]).replace("'", "")
    plain = isinstance(value, str | int | list | tuple | dict | set | None)
    return str(value)[:60] if plain else f"a {type(value).__name__}"
