"""The definitions of ``radiance_values`` and ``radiance_step`` in plain PyTorch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.ops.composite.reference import composite, sum_before
from neuralfields.ops.field_step.reference import apply, evaluate
from neuralfields.ops.field_step.task import Task, Update
from neuralfields.ops.grid_encode.reference import reference as grid_encode
from neuralfields.ops.losses import mean_loss
from neuralfields.ops.march.reference import march, position
from neuralfields.ops.radiance.harmonics import spherical_harmonics
from neuralfields.ops.radiance.model import RadianceModel, RaySamples

FAINT = 1e-6  # opacity below which depths are drawn to 0
STEEPEST = 15.0  # logarithm of the largest derivative of a density


def bounded_exp(raw: Tensor) -> Tensor:
    """exp(raw), continued in a straight line above 15."""
    return raw.clamp(max=STEEPEST).exp() * (1 + (raw - STEEPEST).relu())


def look(model: RadianceModel, rays: Tensor, jitter: Tensor | None) -> tuple[Tensor, Tensor, Tensor, int]:
    """Colour [n, 3] multiplied by the opacity [n], depth [n], and how many samples counted; differentiable."""
    start, end, count = march(rays, model.occupied, model.step, model.cone, model.near, model.unbounded, jitter=jitter)
    last = count.cumsum(0)
    ray = torch.arange(len(rays), device=rays.device).repeat_interleave(count)
    place = torch.arange(len(start), device=rays.device) - (last - count)[ray]
    middle = (start + end) / 2
    hidden = evaluate(model.trunk, _encoded(model, position(rays[ray], middle, model.unbounded)))
    thickness = bounded_exp(hidden[:, 0] + model.shift) * (end - start)
    counts = (-sum_before(thickness.detach(), place)).exp() >= model.stop
    ray, hidden, thickness, middle = ray[counts], hidden[counts], thickness[counts], middle[counts]
    harmonics = spherical_harmonics(rays[:, 3:], model.degree)
    colour = evaluate(model.colour, torch.cat([hidden, harmonics[ray]], 1)).sigmoid()
    kept = torch.bincount(ray, minlength=len(rays))
    sums, opacity, _ = composite(thickness, torch.cat([colour, middle[:, None]], 1), kept)
    nothing = 0 * (rays.sum(1) if jitter is None else rays.sum(1) + jitter)  # but NaN for a ray that is not finite
    depth = sums[:, 3] / opacity.clamp(min=FAINT)
    return sums[:, :3] + nothing[:, None], opacity + nothing, depth + nothing, len(ray)


@torch.no_grad()
def radiance_values(model: RadianceModel, rays: Tensor) -> Tensor:
    colour, opacity, depth, _ = look(model, rays, None)
    return torch.cat([colour, opacity[:, None], depth[:, None]], 1)


@torch.enable_grad()
def radiance_step(
    model: RadianceModel, samples: RaySamples, task: Task, updates: Sequence[Update]
) -> tuple[float, float]:
    parameters = [p.detach().requires_grad_() for p in model.parameters]
    given = model.with_parameters(parameters).stretched(samples.stretch)
    seen, opacity, _, count = look(given, samples.x, samples.jitter)
    colour, alpha, background = samples.y[:, :3], samples.y[:, 3:], samples.background
    prediction = seen + (1 - opacity)[:, None] * background
    loss = mean_loss(task.loss, prediction, alpha * colour + (1 - alpha) * background, None)
    if count and bool(loss.isfinite()):
        for update, gradient in zip(updates, torch.autograd.grad(loss, parameters), strict=True):
            apply(update, gradient)
    return float(loss.detach()), count / len(samples.x)


def _encoded(model: RadianceModel, x: Tensor) -> Tensor:
    return grid_encode(x, model.grid.table, model.grid.layout, model.grid.interpolation)
