"""A hundred small fields: at once, one after the other, and as one batch of networks in plain PyTorch.

Each shape is three balls and boxes in random places, each field a SIREN of about 36,000 parameters fitted to its signed
distances. Groups of shapes are fitted in turns by each way; the times are of fitting, without the making of samples.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from machine import arguments, write
from torch import Tensor

import neuralfields as nf
from neuralfields.fitting.many import together
from neuralfields.geometry import solids

WIDTH, DEPTH = 132, 3  # 36,037 parameters


def shape(number: int, samples: int) -> nf.signals.Solid:
    """Three balls and boxes."""
    random = torch.Generator().manual_seed(number)

    def draw(low: float, high: float) -> list[float]:
        return (torch.rand(3, generator=random) * (high - low) + low).tolist()

    parts = [
        solids.sphere(draw(0.2, 0.4)[0], draw(-0.4, 0.4)),
        solids.box(draw(0.1, 0.4), draw(-0.4, 0.4)),
        solids.sphere(draw(0.2, 0.4)[0], draw(-0.4, 0.4)),
    ]
    made = nf.signals.Solid(solids.union(*parts), name=str(number), sampling={"samples": samples})
    made.prepare()
    return made


def networks(count: int) -> list[nf.Field]:
    torch.manual_seed(0)
    return [nf.networks.Siren(3, 1, width=WIDTH, depth=DEPTH) for _ in range(count)]


def settings(steps: int, batch: int) -> dict[str, Any]:
    recipe = nf.recipes.METHODS["siren"](nf.signals.Solid(solids.sphere()))
    return replace(recipe, objective=nf.objectives.Regression("l1"), steps=steps, batch=batch).settings


def drained(field: nf.Field, signal: nf.signals.Solid, how: dict[str, Any]) -> None:
    """Fitted, without being judged, which would take as long as the fit."""
    for _ in nf.steps(field, signal, **how):
        pass


def at_once(fields: Sequence[nf.Field], signals: Sequence[nf.signals.Solid], how: dict[str, Any]) -> None:
    for _ in together(lambda k: drained(fields[k], signals[k], how), range(len(fields))):
        pass


def in_turn(fields: Sequence[nf.Field], signals: Sequence[nf.signals.Solid], how: dict[str, Any]) -> None:
    for field, signal in zip(fields, signals, strict=True):
        drained(field, signal, how)


def alone(fields: Sequence[nf.Field], signals: Sequence[nf.signals.Solid], how: dict[str, Any]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        in_turn(fields, signals, how)
    finally:
        torch.set_num_threads(threads)


def batched(fields: Sequence[nf.Field], signals: Sequence[nf.signals.Solid], how: dict[str, Any]) -> None:
    """All networks as one with an axis more, in plain PyTorch; only for its time."""
    layers = [[field.layers[k] for field in fields] for k in range(DEPTH + 1)]  # type: ignore[index]
    weights = [torch.stack([layer.weight.detach().t() for layer in row]).requires_grad_() for row in layers]
    biases = [torch.stack([layer.bias.detach() for layer in row])[:, None].requires_grad_() for row in layers]
    optimizer = torch.optim.Adam([*weights, *biases], lr=5e-4, foreach=True)
    for step in range(how["steps"]):
        batches = [signal.draw(how["batch"], seed=0, step=step) for signal in signals]
        h: Tensor = torch.stack([batch.x for batch in batches])
        for k in range(DEPTH):
            h = (30 * torch.baddbmm(biases[k], h, weights[k])).sin()
        values = torch.baddbmm(biases[DEPTH], h, weights[DEPTH])
        loss = (values - torch.stack([batch.y for batch in batches])).abs().mean((1, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


WAYS: dict[str, Callable[[Sequence[nf.Field], Sequence[nf.signals.Solid], dict[str, Any]], None]] = {
    "at once": at_once,
    "one after the other": in_turn,
    "one after the other, one thread": alone,
    "one batch in PyTorch": batched,
}


def main() -> None:
    parser = arguments(__doc__ or "", "many.json")
    parser.add_argument("--shapes", type=int, default=100)
    parser.add_argument("--group", type=int, default=20, help="shapes fitted before the next way has its turn")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--slow-steps", type=int, default=30, help="of the batch in PyTorch, whose time is scaled up")
    options = parser.parse_args()
    how = settings(options.steps, options.batch)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    quality: list[float] = []
    for first in range(0, options.shapes, options.group):
        signals = [shape(k, options.samples) for k in range(first, min(first + options.group, options.shapes))]
        for name, way in WAYS.items():
            slow, fields = way is batched, networks(len(signals))
            clock = time.perf_counter()
            way(fields, signals, how | {"steps": options.slow_steps} if slow else how)
            took = (time.perf_counter() - clock) * (options.steps / options.slow_steps if slow else 1)
            seconds[name].append(took / len(signals))
            if way is at_once:
                quality.append(signals[0].measure(fields[0])["iou"])
            print(name, f"{seconds[name][-1]:.3f} s per shape", flush=True)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    write(
        options.out,
        {
            "shapes": options.shapes,
            "parameters": sum(p.numel() for p in networks(1)[0].parameters()),
            "threads": torch.get_num_threads(),
            "seconds_per_shape": medians,
            "ratio_to_at_once": {name: round(value / medians["at once"], 2) for name, value in medians.items()},
            "iou_of_first_in_group": {"median": statistics.median(quality), "least": min(quality)},
            "groups": seconds,
        },
    )


if __name__ == "__main__":
    main()
