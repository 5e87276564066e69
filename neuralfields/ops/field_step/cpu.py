"""``field_values`` and ``field_step`` by the C++ core."""

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from neuralfields.ops.adam.cpu import Adam
from neuralfields.ops.field_step.model import Model
from neuralfields.ops.field_step.task import Samples, Task, Update
from neuralfields.ops.field_step.updating import (
    Moments,
    adam_of,
    moments_of,
    pointers,
    refusal_of_rates,
    refusal_of_state,
    tensors,
)
from neuralfields.ops.grid_encode import cpu as grid_cpu
from neuralfields.ops.grid_encode.levels import INTERPOLATIONS
from neuralfields.ops.losses import LOSSES
from neuralfields.ops.mlp import cpu as mlp_cpu
from neuralfields.ops.native.calling import call, direct_refusal, invoke, on_huge_pages

_OUTPUTS = {"affine": 1, "sinh": 2}  # ``enum Output`` in loss.hpp
_CHUNK = 1 << 16  # points evaluated at once: their features stay in the last cache


class _Model(ctypes.Structure):
    _fields_ = (
        ("level", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("levels", "features", "axes", "mode")),
        ("table", ctypes.c_void_p),
        ("network", ctypes.POINTER(mlp_cpu.Network)),
        ("output", ctypes.c_int32),
        ("scale", ctypes.c_float),
        ("offset", ctypes.c_float),
    )


class _Training(ctypes.Structure):
    _fields_ = (
        ("table_adam", Adam),
        ("network_adam", Adam),
        *((name, ctypes.c_void_p) for name in ("table_mean", "table_square", "table_steps")),
        ("weights", ctypes.POINTER(Moments)),
        ("biases", ctypes.POINTER(Moments)),
        ("loss", ctypes.c_int32),
        ("eikonal", ctypes.c_float),
    )


class _Matrix(ctypes.Structure):
    _fields_ = (("data", ctypes.c_void_p), ("point_step", ctypes.c_int64), ("feature_step", ctypes.c_int64))


class _Samples(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int64),
        ("x", _Matrix),
        ("y", _Matrix),
        ("weight", ctypes.c_void_p),
        ("weight_sum", ctypes.c_double),
    )


def refuse_values(model: Model, x: Tensor) -> str | None:
    return direct_refusal(x) or _refuse_model(model, x)


def refuse_step(model: Model, samples: Samples, task: Task, updates: Sequence[Update]) -> str | None:
    weight = () if samples.weight is None else (samples.weight,)
    if (why := direct_refusal(samples.x, samples.y, *weight)) is not None:
        return why
    tables = 1 if model.grid else 0
    if why := refusal_of_rates(updates, tables):
        return why
    kept = _kept.get(model)
    if kept is not None and kept.serves(task, updates):
        return None
    if why := _refuse_model(model, samples.x) or refusal_of_state(model.parameters, updates, tables):
        return why
    if task.eikonal:
        return _refuse_eikonal(model)
    return None


def _refuse_model(model: Model, x: Tensor) -> str | None:
    if model.grid and (why := grid_cpu.refuse(x, model.grid.table, model.grid.layout)):
        return why
    if not all(p.is_contiguous() for p in model.parameters):
        return "takes contiguous parameters"
    return mlp_cpu.refuse(x, model.network.weights, model.network.biases)


def _refuse_eikonal(model: Model) -> str | None:
    if not model.grid:
        return "has the eikonal term for a grid with a network"
    if model.network.activation not in ("relu", "leaky_relu") or (model.output and model.output.kind != "affine"):
        return "has the eikonal term for activations that are piecewise linear"
    return None


def _described(model: Model) -> _Model:
    net, grid = model.network, model.grid
    activation = mlp_cpu.SINE if net.omegas else net.activation
    made = _Model(network=ctypes.pointer(mlp_cpu.network(net.weights, net.biases or (), activation, net.omegas)))
    if grid:
        cells = grid_cpu.grid_of(grid_cpu.code_of(grid.layout))
        made.level = ctypes.cast(cells.levels, ctypes.c_void_p)
        made.levels, made.features, made.axes = len(cells.levels), grid.table.shape[1], grid.layout.dim
        made.mode = INTERPOLATIONS.index(grid.interpolation)
        made.table = grid.table.data_ptr()
    if model.output:
        made.output = _OUTPUTS[model.output.kind]
        made.scale, made.offset = model.output.scale, model.output.offset
    return made


def _coordinates(model: Model, x: Tensor) -> Tensor:
    """As the kernels read them: axis after axis for a grid."""
    return x.t().contiguous().t() if model.grid else x


def _matrix(x: Tensor) -> _Matrix:
    return _Matrix(x.data_ptr(), *x.stride())


@torch.no_grad()
def field_values(model: Model, x: Tensor) -> Tensor:
    out = x.new_empty(len(x), model.outputs)
    described = _described(model)
    memory = x.new_empty(invoke("nf_field_memory", described, min(len(x), _CHUNK), result=ctypes.c_int64))
    for begin in range(0, len(x), _CHUNK):
        part = _coordinates(model, x[begin : begin + _CHUNK])
        call("nf_field", described, _Samples(len(part), _matrix(part)), memory, out[begin:])
    return out


class _Step:
    """What the core needs for the steps of one fit, kept from step to step."""

    def __init__(self, model: Model, task: Task, updates: Sequence[Update]) -> None:
        # The tensors are kept, so that nothing else can come to lie where they are.
        self._tensors = [t for update in updates for t in (*tensors(update), update.step)]
        self._of = task, pointers(updates)
        self.model = _described(model)
        tables, rest = updates[: 1 if model.grid else 0], updates[1 if model.grid else 0 :]
        self.moments = moments_of(rest)
        maps = len(model.network.weights)
        self.training = _Training(loss=list(LOSSES).index(task.loss), eikonal=task.eikonal)
        self.training.weights = ctypes.cast(self.moments, ctypes.POINTER(Moments))
        if model.network.biases is not None:
            self.training.biases = ctypes.pointer(self.moments[maps])
        for update in tables:
            moments = update.mean, update.square, update.step
            t = self.training
            t.table_mean, t.table_square, t.table_steps = map(Tensor.data_ptr, moments)
        self._size: tuple[int, int] = (0, 0)
        self._memory = torch.empty(0)
        for tensor in self._tensors:
            on_huge_pages(tensor)

    def serves(self, task: Task, updates: Sequence[Update]) -> bool:
        """Whether this was made for such a task, and parameters and moments are where they were."""
        return self._of == (task, pointers(updates))

    def memory(self, points: int) -> Tensor:
        """Working memory for this many points, zero where the core expects it."""
        size = points, torch.get_num_threads()
        if size != self._size:
            self._memory = torch.empty(0)  # the old one goes before the new one comes
            floats = invoke("nf_step_memory", self.model, self.training, *size, result=ctypes.c_int64)
            memory = torch.empty(floats)
            on_huge_pages(memory)
            self._size, self._memory = size, memory.zero_()
        return self._memory


# By each model that is being fitted, which nothing that is kept refers to: it all goes with the model.
_kept = WeakIdKeyDictionary()


def field_step(model: Model, samples: Samples, task: Task, updates: Sequence[Update]) -> tuple[float, float]:
    step = _kept.get(model)
    if step is None or not step.serves(task, updates):
        step = _kept[model] = _Step(model, task, updates)
    tables = 1 if model.grid else 0
    if tables:
        step.training.table_adam = adam_of(updates[0])
    step.training.network_adam = adam_of(updates[tables])
    step.model.network.contents.precision = mlp_cpu.precision()
    number = int(updates[tables].step) + 1
    for moments in step.moments:
        moments.step = number
    x = _coordinates(model, samples.x)
    given = _Samples(len(x), _matrix(x), _matrix(samples.y))
    if samples.weight is not None:
        weight = samples.weight.contiguous()
        given.weight, given.weight_sum = weight.data_ptr(), float(weight.sum())
    terms = (ctypes.c_double * 2)()
    call("nf_step", step.model, step.training, given, step.memory(len(x)), ctypes.addressof(terms))
    if math.isfinite(terms[0] + terms[1]):
        for update in updates[tables:]:
            update.step.fill_(number)
    return terms[0], terms[1]
