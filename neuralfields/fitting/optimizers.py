"""Adam as neural fields want it: one rate per kind of parameter, and lazy on tables."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.ops.field_step import Update


@dataclass(frozen=True)
class Adam:
    """A description of Adam which, called with a field, gives the optimizer of its parameters.

    Attributes:
        lr: learning rate; each method's parameters get ``lr * Field.lr_scale``, and so an objective's that has one.
        table_lr: the rate of tables if it is not that.
        betas: decay of the two moments.
        epsilon: added to the denominator; tables want it tiny (1e-15), because their gradients are.
        weight_decay: L2 penalty's gradient added to all parameters but tables.

    Raises:
        InputError: a value is out of range.
    """

    lr: float = 1e-3
    table_lr: float | None = None
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        rates = (self.lr, self.epsilon, self.table_lr if self.table_lr is not None else self.lr)
        if not all(0 < rate < float("inf") for rate in rates):
            raise InputError(f"Adam needs positive rates and epsilon, got {self}")
        if not 0 <= self.weight_decay < float("inf"):
            raise InputError(f"Adam's weight_decay is finite and from 0 on, got {self.weight_decay}")
        if not all(0 <= beta < 1 for beta in self.betas):
            raise InputError(f"Adam's betas are from 0 to below 1, got {self.betas}")

    def __call__(self, field: nn.Module) -> "LazyAdam":
        groups: dict[tuple[float, bool], list[Tensor]] = {}
        seen: set[Tensor] = set()
        for parameter, owner, name in _owned_parameters(field):
            if parameter in seen:
                continue
            seen.add(parameter)
            tables = getattr(owner, "tables", ())
            lazy = any(name == table or name.startswith(f"{table}.") for table in tables)
            scale = getattr(owner, "lr_scale", 1.0)
            rate = self.table_lr if lazy and self.table_lr is not None else self.lr * scale
            groups.setdefault((rate, lazy), []).append(parameter)
        if not groups:
            raise InputError(f"{type(field).__name__} has no parameters to fit")
        return LazyAdam(
            [
                {"params": parameters, "lr": rate, "lazy": lazy, "weight_decay": 0.0 if lazy else self.weight_decay}
                for (rate, lazy), parameters in groups.items()
            ],
            betas=self.betas,
            epsilon=self.epsilon,
        )


def _owned_parameters(
    module: nn.Module, owner: nn.Module | None = None, prefix: str = ""
) -> Iterator[tuple[Tensor, nn.Module | None, str]]:
    """Each parameter with the nearest module around it that has a rate, as fields have, and its dotted name there."""
    owner, prefix = (module, "") if hasattr(module, "lr_scale") else (owner, prefix)
    for name, parameter in module.named_parameters(recurse=False):
        if parameter.requires_grad:
            yield parameter, owner, prefix + name
    for name, child in module.named_children():
        yield from _owned_parameters(child, owner, f"{prefix}{name}.")


class LazyAdam(torch.optim.Optimizer):
    """``ops.adam`` on dense groups and ``ops.lazy_adam`` on groups with ``lazy=True``."""

    # The base class's own, without the wrapper that imports all of torch.compile on the first call: most of a second.
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)

    def __init__(self, groups: list[dict[str, Any]], *, betas: tuple[float, float], epsilon: float):
        super().__init__(groups, {"betas": betas, "epsilon": epsilon, "lazy": False, "weight_decay": 0.0})
        for group in self.param_groups:
            for parameter in group["params"]:
                self._start(parameter, group["lazy"])

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            (beta1, beta2), epsilon, lr = group["betas"], group["epsilon"], group["lr"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter] or self._start(parameter, group["lazy"])
                gradient = parameter.grad
                if group["weight_decay"]:
                    gradient = gradient.add(parameter, alpha=group["weight_decay"])
                moments = state["mean"], state["square"]
                if group["lazy"]:
                    ops.lazy_adam(parameter, gradient, *moments, state["step"], lr, beta1, beta2, epsilon)
                else:
                    state["step"] += 1
                    ops.adam(parameter, gradient, *moments, int(state["step"]), lr, beta1, beta2, epsilon)

    @torch.no_grad()
    def updates(self, parameters: Sequence[Tensor]) -> list[Update] | None:
        """What updates these parameters now, in this order.

        None if they are not, each once, all that it updates, if there is decay, or if anything waits for its steps.
        """
        if self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks:
            return None
        groups = {id(p): group for group in self.param_groups for p in group["params"]}
        if sorted(groups) != sorted(map(id, parameters)):
            return None
        if any(group["weight_decay"] for group in self.param_groups):
            return None
        return [self._update(p, groups[id(p)]) for p in parameters]

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> Update:
        state = self.state[parameter] or self._start(parameter, group["lazy"])
        moments, (beta1, beta2) = (state["mean"], state["square"], state["step"]), group["betas"]
        return Update(parameter, *moments, group["lazy"], group["lr"], beta1, beta2, group["epsilon"])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As the base class; counters of rows, which it leaves where they are, follow their parameters' device."""
        inspect.unwrap(torch.optim.Optimizer.load_state_dict)(self, state_dict)
        for parameter, state in self.state.items():
            if state["step"].dim():
                state["step"] = state["step"].to(parameter.device)

    def _start(self, parameter: Tensor, lazy: bool) -> dict[str, Tensor]:
        rows = parameter.shape[:1] if lazy else ()
        state = self.state[parameter]
        state["step"] = torch.zeros(rows, dtype=torch.int32, device=parameter.device if lazy else "cpu")
        state["mean"], state["square"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state


@dataclass(frozen=True)
class Decay:
    """The learning rate's course: constant for ``start`` of the budget, then exponentially down to ``final`` of it.

    Raises:
        InputError: ``start`` is outside [0, 1] or ``final`` outside (0, 1].
    """

    start: float = 0.0
    final: float = 1.0

    def __post_init__(self) -> None:
        if not (0 <= self.start <= 1 and 0 < self.final <= 1):
            raise InputError(f"a decay starts in [0, 1] and ends in (0, 1], got {self.start} and {self.final}")

    def __call__(self, fraction: float) -> float:
        """The rate's factor after this fraction of the budget, 0 to 1."""
        if fraction <= self.start or self.start == 1:
            return 1.0
        return self.final ** ((min(fraction, 1.0) - self.start) / (1 - self.start))
