"""``radiance_values`` and ``radiance_step`` by the C++ core."""

import ctypes
import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from neuralfields.ops.adam.cpu import Adam
from neuralfields.ops.field_step.model import Network
from neuralfields.ops.field_step.task import Task, Update
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
from neuralfields.ops.march.cpu import Terrain, refusal_of_grid, terrain
from neuralfields.ops.mlp import cpu as mlp_cpu
from neuralfields.ops.native.calling import call, direct_refusal, invoke, on_huge_pages
from neuralfields.ops.radiance.model import RadianceModel, RaySamples

_PAGES = 64  # for the first step


class _Model(ctypes.Structure):
    _fields_ = (
        ("level", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("levels", "features", "mode", "degree")),
        ("table", ctypes.c_void_p),
        *((name, ctypes.POINTER(mlp_cpu.Network)) for name in ("trunk", "colour")),
        ("terrain", Terrain),
        *((name, ctypes.c_float) for name in ("shift", "stop")),
    )


class _Training(ctypes.Structure):
    _fields_ = (
        ("table_adam", Adam),
        ("network_adam", Adam),
        *((name, ctypes.c_void_p) for name in ("table_mean", "table_square", "table_steps")),
        *(
            (name, ctypes.POINTER(Moments))
            for name in ("trunk_weights", "trunk_biases", "colour_weights", "colour_biases")
        ),
        ("loss", ctypes.c_int32),
    )


class _Samples(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("x", "y", "background", "jitter")),
    )


def refuse_values(model: RadianceModel, rays: Tensor) -> str | None:
    return direct_refusal(rays, others=[model.occupied]) or _refuse_model(model, rays)


def refuse_step(model: RadianceModel, samples: RaySamples, task: Task, updates: Sequence[Update]) -> str | None:
    given = samples.x, samples.y, samples.background, *(() if samples.jitter is None else (samples.jitter,))
    if why := direct_refusal(*given, others=[model.occupied]) or refusal_of_rates(updates, 1):
        return why
    kept = _kept.get(model)
    if kept is not None and kept.serves(task, updates):
        return None
    return _refuse_model(model, samples.x) or refusal_of_state(model.parameters, updates, 1)


def _refuse_model(model: RadianceModel, x: Tensor) -> str | None:
    if not all(p.is_contiguous() for p in model.parameters):
        return "takes contiguous parameters"
    for net in (model.trunk, model.colour):
        if why := mlp_cpu.refuse(x, net.weights, net.biases):
            return why
    return grid_cpu.refuse(x, model.grid.table, model.grid.layout) or refusal_of_grid(model.occupied)


def _network(net: Network) -> "ctypes._Pointer[mlp_cpu.Network]":
    activation = mlp_cpu.SINE if net.omegas else net.activation
    return ctypes.pointer(mlp_cpu.network(net.weights, net.biases or (), activation, net.omegas))


def _described(model: RadianceModel) -> _Model:
    grid, cells = model.grid, grid_cpu.grid_of(grid_cpu.code_of(model.grid.layout))
    return _Model(
        level=ctypes.cast(cells.levels, ctypes.c_void_p),
        levels=len(cells.levels),
        features=grid.table.shape[1],
        mode=INTERPOLATIONS.index(grid.interpolation),
        degree=model.degree,
        table=grid.table.data_ptr(),
        trunk=_network(model.trunk),
        colour=_network(model.colour),
        terrain=terrain(model.occupied, model.step, model.cone, model.near, model.unbounded),
        shift=model.shift,
        stop=model.stop,
    )


@torch.no_grad()
def radiance_values(model: RadianceModel, rays: Tensor) -> Tensor:
    out = rays.new_empty(len(rays), 5)
    call("nf_radiance_values", _described(model), rays.contiguous(), len(rays), out)
    return out


class _Step:
    """What the core needs for the steps of one fit, kept from step to step."""

    def __init__(self, model: RadianceModel, task: Task, updates: Sequence[Update]) -> None:
        # The tensors are kept, so that nothing else can come to lie where they are.
        self._tensors = [t for update in updates for t in (*tensors(update), update.step)]
        self._of = task, pointers(updates)
        self.model, self._pace = _described(model), (model.step, model.cone)
        table, *rest = updates
        self.moments = moments_of(rest)
        self.training = _Training(loss=list(LOSSES).index(task.loss))
        t, first = self.training, 0
        t.table_mean, t.table_square, t.table_steps = map(Tensor.data_ptr, (table.mean, table.square, table.step))
        for name, net in (("trunk", model.trunk), ("colour", model.colour)):
            for what, parts in (("weights", net.weights), ("biases", net.biases or ())):
                if parts:
                    setattr(t, f"{name}_{what}", ctypes.pointer(self.moments[first]))
                first += len(parts)
        self._threads, self._memory, self._pages = 0, torch.empty(0), torch.empty(0)
        self._page = invoke("nf_radiance_page", self.model, result=ctypes.c_int64)
        for tensor in self._tensors:
            on_huge_pages(tensor)

    def serves(self, task: Task, updates: Sequence[Update]) -> bool:
        """Whether this was made for such a task, and parameters and moments are where they were."""
        return self._of == (task, pointers(updates))

    def stretch(self, factor: float) -> None:
        """Take steps along rays that are this many times the model's."""
        terrain, (step, cone) = self.model.terrain, self._pace
        terrain.step, terrain.cone = step * factor, cone * factor

    def run(self, samples: _Samples) -> tuple[float, float]:
        """The loss and the number of samples that counted."""
        results, threads = (ctypes.c_double * 2)(), torch.get_num_threads()
        if threads != self._threads:
            floats = invoke("nf_radiance_memory", self.model, threads, result=ctypes.c_int64)
            self._threads, self._memory = threads, _memory(floats).zero_()
        missing = 0 if len(self._pages) else _PAGES
        while True:
            if missing:
                self._pages = torch.empty(0)  # the old ones go before the new ones come
                self._pages = _memory((missing + missing // 4) * self._page)
            pages = self._pages, len(self._pages) // self._page
            given = self.model, self.training, samples, self._memory, *pages, ctypes.addressof(results), threads
            missing = invoke("nf_radiance_step", *given, result=ctypes.c_int64)
            if not missing:
                return results[0], results[1]


def _memory(floats: int) -> Tensor:
    made = torch.empty(floats)
    on_huge_pages(made)
    return made


# By each model that is being fitted, which nothing that is kept refers to: it all goes with the model.
_kept = WeakIdKeyDictionary()


def radiance_step(
    model: RadianceModel, samples: RaySamples, task: Task, updates: Sequence[Update]
) -> tuple[float, float]:
    step = _kept.get(model)
    if step is None or not step.serves(task, updates):
        step = _kept[model] = _Step(model, task, updates)
    step.training.table_adam, step.training.network_adam = adam_of(updates[0]), adam_of(updates[1])
    step.stretch(samples.stretch)
    for net in (step.model.trunk, step.model.colour):
        net.contents.precision = mlp_cpu.precision()
    number = int(updates[1].step) + 1
    for moments in step.moments:
        moments.step = number
    given = [None if t is None else t.detach().contiguous() for t in _tensors(samples)]
    n = len(samples.x)
    loss, counted = step.run(_Samples(n, *(None if t is None else t.data_ptr() for t in given)))
    if math.isfinite(loss) and counted:
        for update in updates[1:]:
            update.step.fill_(number)
    return loss, counted / n


def _tensors(samples: RaySamples) -> tuple[Tensor | None, ...]:
    return samples.x, samples.y, samples.background, samples.jitter
