"""The definitions of ``field_values`` and ``field_step`` in plain PyTorch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from neuralfields.ops.adam import reference as adam
from neuralfields.ops.field_step.model import Model, Network
from neuralfields.ops.field_step.task import Samples, Task, Update
from neuralfields.ops.grid_encode.reference import reference as grid_encode
from neuralfields.ops.losses import mean_loss
from neuralfields.ops.mlp.reference import reference as mlp
from neuralfields.ops.sine_mlp.reference import reference as sine_mlp


def values(model: Model, x: Tensor) -> Tensor:
    """The model's values, differentiable."""
    if model.grid:
        x = grid_encode(x, model.grid.table, model.grid.layout, model.grid.interpolation)
    x = evaluate(model.network, x)
    output = model.output
    if output is None:
        return x
    return x * output.scale + output.offset if output.kind == "affine" else output.scale * x.sinh()


def evaluate(net: Network, x: Tensor) -> Tensor:
    """The network's values [n, out], differentiable."""
    if net.omegas:
        return sine_mlp(x, net.weights, net.biases or [], net.omegas)
    return mlp(x, net.weights, net.biases, net.activation)


@torch.no_grad()
def field_values(model: Model, x: Tensor) -> Tensor:
    return values(model, x)


@torch.enable_grad()
def field_step(model: Model, samples: Samples, task: Task, updates: Sequence[Update]) -> tuple[float, float]:
    parameters = [p.detach().requires_grad_() for p in model.parameters]
    model = model.with_parameters(parameters)
    x = samples.x.detach().requires_grad_(task.eikonal > 0)
    found = values(model, x)
    loss = mean_loss(task.loss, found, samples.y, samples.weight)
    slopes = torch.zeros_like(loss)
    if task.eikonal:
        (gradient,) = torch.autograd.grad(found.sum(), x, create_graph=True)
        slopes = task.eikonal * (gradient.norm(dim=-1) - 1).square().mean()
    total = loss + slopes
    if bool(total.isfinite()):
        for update, gradient in zip(updates, torch.autograd.grad(total, parameters), strict=True):
            apply(update, gradient)
    return float(loss.detach()), float(slopes.detach())


def apply(update: Update, gradient: Tensor) -> None:
    """Adam's update of one parameter."""
    moments, settings = (update.mean, update.square), (update.lr, update.beta1, update.beta2, update.epsilon)
    if update.lazy:
        adam.lazy_adam(update.parameter, gradient, *moments, update.step, *settings)
    else:
        update.step.add_(1)
        adam.adam(update.parameter, gradient, *moments, int(update.step), *settings)
