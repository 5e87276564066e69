"""All that a fit must remember to go on exactly where it was."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

import torch
from torch import Tensor, nn

from neuralfields.errors import FileFormatError
from neuralfields.protocols import Objective, Sampler


@dataclass
class State:
    """A fit between two steps. Samples are drawn by counter, so there is no random state to keep.

    Attributes:
        field: the field being fitted.
        objective: what is minimised; its parameters are fitted too when it is a module.
        optimizer: of all parameters.
        average: exponential moving average of the parameters by name; empty without one.
        sampler: what chooses the samples, or None where the signal draws them.
        step: steps done.
        samples: samples seen.
        seconds: time spent fitting, over all resumed parts.
        next_check: first step at which the quality may be measured on the whole signal again.
        kernels: which backend computed each op of the first update in this process.
    """

    field: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    sampler: Sampler | None = None
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    next_check: int = 0
    kernels: dict[str, str] = attribute(default_factory=dict)

    def tensors(self) -> dict[str, Tensor]:
        """Parameters, moments and average by name; views, not copies."""
        named = {f"field.{name}": tensor for name, tensor in self.field.state_dict().items()}
        if isinstance(self.objective, nn.Module):
            named |= {f"objective.{name}": tensor for name, tensor in self.objective.state_dict().items()}
        named |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        if self.sampler is not None:
            named |= {f"sampler.{name}": tensor for name, tensor in self.sampler.tensors().items()}
        for i, entries in self.optimizer.state_dict()["state"].items():
            for key, value in entries.items():
                named[f"optimizer.{i}.{key}"] = torch.as_tensor(value)
        return named

    def numbers(self) -> dict[str, Any]:
        """The counters and the clock."""
        return {name: getattr(self, name) for name in ("step", "samples", "seconds", "next_check")}

    def restore(self, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]) -> None:
        """Take over what ``tensors`` and ``numbers`` gave.

        Raises:
            FileFormatError: they belong to another field or optimizer.
        """
        try:
            # Values are copied into the parameters that exist, so that memory is aligned as in an undisturbed fit.
            self.field.load_state_dict(_under("field.", tensors))
            if isinstance(self.objective, nn.Module):
                self.objective.load_state_dict(_under("objective.", tensors))
            for name, tensor in _under("average.", tensors).items():
                self.average[name].copy_(tensor)
            if self.sampler is not None:
                self.sampler.restore(_under("sampler.", tensors))
            entries: dict[int, dict[str, Tensor]] = {}
            for name, tensor in _under("optimizer.", tensors).items():
                i, _, key = name.partition(".")
                entries.setdefault(int(i), {})[key] = tensor.clone()
            self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": entries})
            for name in self.numbers():
                setattr(self, name, numbers[name])
        except (RuntimeError, ValueError, KeyError) as error:
            first_line = str(error).splitlines()[0]
            raise FileFormatError(f"the checkpoint does not belong to this field: {first_line}") from error

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the average towards the parameters by 1 - ``decay``, faster at first to forget the initial values."""
        decay = min(decay, (1 + self.step) / (10 + self.step))
        for name, parameter in self.field.named_parameters():
            self.average[name].lerp_(parameter, 1 - decay)

    def settle(self) -> None:
        """Make the average, if one is kept, the field's parameters."""
        if self.average:
            self._assign(self.average)

    @contextmanager
    def averaged(self) -> Iterator[nn.Module]:
        """Inside the block the field has the averaged parameters, if an average is kept."""
        if not self.average:
            yield self.field
            return
        kept = {name: parameter.detach().clone() for name, parameter in self.field.named_parameters()}
        self._assign(self.average)
        try:
            yield self.field
        finally:
            self._assign(kept)

    @torch.no_grad()
    def _assign(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self.field.named_parameters():
            parameter.copy_(values[name])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
