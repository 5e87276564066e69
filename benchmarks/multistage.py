"""Fits in stages (Wang, Lai 2024) to the last digits of float64: the error after each stage, on a finer grid too.

Relative L2 errors on one thread. Beside the staged fits: one network that gets all the steps, and L-BFGS in place of
BFGS. Errors "checked" are those on a grid that no stage has seen.
"""

from collections.abc import Callable
from typing import Any

import torch
from machine import arguments, write
from torch import Tensor

from neuralfields.fitting import Fit, fit_stages
from neuralfields.signals import Samples


def wave(x: Tensor) -> Tensor:
    return torch.sin(2 * x + 1) + 0.2 * torch.exp(1.3 * x)


def peak(x: Tensor) -> Tensor:
    return x**3 / (0.01 + x**4)


def hill(x: Tensor) -> Tensor:
    return torch.sin(2 * x[:, :1] + x[:, 1:]) * torch.exp(-(x.square().sum(-1, keepdim=True)))


# name: function, half of the domain's length, axes, samples per axis of each stage and of the check, settings
Case = tuple[Callable[[Tensor], Tensor], float, int, list[int], int, dict[str, Any]]
CASES: dict[str, Case] = {
    "sin(2x+1) + 0.2 exp(1.3x)": (wave, 1.05, 1, [300, 600, 1500], 10_001, {}),
    "the same, 300 samples only, factor pi": (wave, 1.05, 1, [300], 10_001, {"factor": torch.pi}),
    "the same, one network, all steps": (wave, 1.05, 1, [1500], 10_001, {"stages": 1, "newton_steps": 4500}),
    "the same, L-BFGS": (wave, 1.05, 1, [300, 600, 1500], 10_001, {"newton": "lbfgs", "newton_steps": 5000}),
    "x^3 / (0.01 + x^4)": (peak, 1.02, 1, [1501, 1501, 4801], 10_001, {}),
    "sin(2x+y) exp(-x^2-y^2)": (hill, 1.0, 2, [30, 50], 201, {"stages": 2}),
}


def fitted(case: Case) -> Fit:
    function, half, axes, counts, check, settings = case
    grids = [
        Samples.of_function(function, n, ([-half] * axes, [half] * axes), dtype=torch.float64) for n in (*counts, check)
    ]
    return fit_stages(grids[:-1], check=grids[-1], **settings)


def main() -> None:
    parser = arguments(__doc__ or "", "multistage.json")
    parser.add_argument("--only", default="", help="cases whose name holds this, to an --out of their own")
    options = parser.parse_args()
    chosen = {name: case for name, case in CASES.items() if options.only in name}
    if not chosen:
        parser.error(f"no case has {options.only!r} in its name; there are: {', '.join(CASES)}")
    if len(chosen) < len(CASES) and options.out == parser.get_default("out"):
        parser.error("--only wants an --out of its own: a part must not pass for the whole")
    torch.set_num_threads(1)
    rows = {}
    for name, case in chosen.items():
        fit = fitted(case)
        stages = fit.field.provenance["stages"]  # type: ignore[index]
        rows[name] = {"seconds": fit.seconds, "steps": fit.steps, "parameters": fit.parameters, "stages": stages}
        errors = ", ".join(f"{stage['checked']:.1e}" for stage in stages)  # type: ignore[union-attr]
        print(f"{name}: {errors} after {fit.steps} steps in {fit.seconds:.0f} s", flush=True)
    write(options.out, rows)


if __name__ == "__main__":
    main()
