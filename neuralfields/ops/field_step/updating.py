"""Adam's state as the fused steps of the C++ core take it."""

import ctypes
from collections.abc import Sequence

from torch import Tensor, int32

from neuralfields.ops.adam.cpu import Adam, refusal_of_betas, settings
from neuralfields.ops.field_step.task import Update
from neuralfields.ops.native.calling import refusal


class Moments(ctypes.Structure):
    """``nf::Moments`` in mlp/update.hpp."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("parameter", "mean", "square")),
        ("step", ctypes.c_int64),
    )


def tensors(update: Update) -> tuple[Tensor, ...]:
    return update.parameter, update.mean, update.square


def pointers(updates: Sequence[Update]) -> list[int]:
    """Where all parameters, moments and counters are."""
    return [t.data_ptr() for u in updates for t in (*tensors(u), u.step)]


def moments_of(updates: Sequence[Update]) -> "ctypes.Array[Moments]":
    """Of dense updates; their numbers are still to be set."""
    return (Moments * len(updates))(*(Moments(*map(Tensor.data_ptr, tensors(update))) for update in updates))


def adam_of(update: Update) -> Adam:
    return settings(update.lr, update.beta1, update.beta2, update.epsilon)


def refusal_of_rates(updates: Sequence[Update], tables: int) -> str | None:
    """Why the core cannot take these settings, of which the first are of so many tables; they may change at each step.

    Networks have one rate and one number of the next update.
    """
    networks = updates[tables:]
    if len({(u.lr, u.beta1, u.beta2, u.epsilon) for u in networks}) > 1:
        return "takes one rate for the whole network"
    if len({int(u.step) for u in networks}) > 1:
        return "takes parameters that were updated equally often"
    for update in updates:
        if why := refusal_of_betas(update.beta1, update.beta2):
            return why
    return None


def refusal_of_state(parameters: Sequence[Tensor], updates: Sequence[Update], tables: int) -> str | None:
    """Why the core cannot update these parameters, of which the first are so many tables, with these moments."""
    for parameter, update in zip(parameters, updates, strict=True):
        if update.parameter.data_ptr() != parameter.data_ptr():
            return "updates the model's parameters in their order"
        if not all(t.is_contiguous() and t.shape == parameter.shape for t in tensors(update)):
            return "takes contiguous moments of the parameters' shapes"
        if why := refusal(*tensors(update)):
            return why
        step = update.step
        if update.lazy and ((step.dtype, step.shape) != (int32, parameter.shape[:1]) or not step.is_contiguous()):
            return "takes an int32 counter for each row"
    if len(set(pointers(updates))) < 4 * len(updates):
        return "takes parameters and moments with memory of their own"
    if not all(update.lazy for update in updates[:tables]) or any(update.lazy for update in updates[tables:]):
        return "updates tables lazily and networks densely"
    return None
