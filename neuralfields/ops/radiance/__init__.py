"""A whole radiance field in one call: what rays see, and one step of training.

A ray's samples are the middles of the intervals that ``ops.march`` gives, without a limit. Each has the optical
thickness density times length, and the weights and sums are those of ``ops.composite``. A sample counts if the
transmittance before it is at least ``model.stop``: the one that crosses that is the last of its ray.

Contract of ``radiance_values(model, rays)``:
    model: ``RadianceModel``. rays: [n, 6], origin and direction of length one, in box coordinates.
    result: [n, 5], colour multiplied by the opacity, opacity, and the mean depth of what is seen (0 where nothing is),
    without gradient. A ray that is not finite has NaN.
Contract of ``radiance_step(model, samples, task, updates)``:
    samples: ``RaySamples``. task: ``Task`` without an eikonal term.
    The prediction is colour + (1 - opacity) background, the target alpha colour + (1 - alpha) background; the loss is
    the mean over rays and channels.
    updates: one ``Update`` per parameter, in the order of ``model.parameters``.
    Changes the parameters and their moments in place; nothing is changed when the loss is not finite, or when no ray
    has a sample.
    result: (loss before the update, mean number of samples per ray that counted).
Not differentiable.

The density is exp(o + shift), whose derivative is taken as exp(min(o + shift, 15)), so that one far too large does not
throw a step away.

Sources: Mueller et al., "Instant Neural Graphics Primitives", SIGGRAPH 2022; Mildenhall et al., "NeRF", ECCV 2020.
"""

from collections.abc import Sequence

from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.ops._op import Kernel, Op
from neuralfields.ops.field_step.task import Task, Update
from neuralfields.ops.losses import LOSSES
from neuralfields.ops.march import check_rays
from neuralfields.ops.radiance import cpu, reference
from neuralfields.ops.radiance.model import RadianceModel, RaySamples


def _check_values(model: RadianceModel, rays: Tensor) -> None:
    check_rays("radiance_values", rays, None)


def _check_step(model: RadianceModel, samples: RaySamples, task: Task, updates: Sequence[Update]) -> None:
    check_rays("radiance_step", samples.x, samples.jitter)
    n = len(samples.x)
    if not n:
        raise InputError("a step needs one ray or more, got none")
    if samples.y.shape != (n, 4) or samples.background.shape != (n, 3):
        shapes = f"{list(samples.y.shape)} and {list(samples.background.shape)}"
        raise InputError(f"{n} rays have targets [{n}, 4] and backgrounds [{n}, 3], got {shapes}")
    if task.loss not in LOSSES:
        raise InputError(f"no loss is called {task.loss!r}; there are: {', '.join(LOSSES)}")
    if task.eikonal:
        raise InputError(f"a radiance field has no eikonal term, got one with the weight {task.eikonal}")
    if len(updates) != len(model.parameters):
        raise InputError(f"the model has {len(model.parameters)} parameters, got {len(updates)} updates")
    if len({parameter.data_ptr() for parameter in model.parameters}) < len(updates):
        raise InputError("a step takes parameters with memory of their own, two of these share theirs")


radiance_values = Op(
    "radiance_values",
    reference.radiance_values,
    kernels=(Kernel("cpu", "neuralfields.ops.radiance.cpu:radiance_values", 0, cpu.refuse_values),),
    check=_check_values,
)
radiance_step = Op(
    "radiance_step",
    reference.radiance_step,
    kernels=(Kernel("cpu", "neuralfields.ops.radiance.cpu:radiance_step", 0, cpu.refuse_step),),
    check=_check_step,
    differentiable=False,
)

__all__ = ["RadianceModel", "RaySamples", "radiance_step", "radiance_values"]
