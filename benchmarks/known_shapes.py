"""Fields of shapes whose distances are known: errors of values and slopes, second derivatives, sharp edges.

Sphere, torus and box by the default recipe, alone and with the eikonal term, and by a smooth SIREN (omega 10) with it;
the gyroid and a CSG part by what is inside; the part's edges in meshes by marching cubes and by dual contouring.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from machine import arguments, write
from torch import Tensor

import neuralfields as nf
from neuralfields.geometry import solids

NEAR = 0.05  # gradients are looked at this near to the surface
POINTS = 20_000
OMEGA = 10.0  # of the SIREN; with the paper's 30 the gradients are noisier
BOX = (0.5, 0.4, 0.6)
KNOWN = {"sphere": solids.sphere(0.6), "torus": solids.torus(0.5, 0.2), "box": solids.box(BOX)}
DRILL = 0.25
PART = solids.difference(solids.box(BOX), solids.cylinder(DRILL, 1.0))
OTHERS = {"gyroid": solids.gyroid(2.0, 0.4), "part": PART}


def fitted(signal: nf.signals.Solid, how: str, steps: int) -> nf.Field:
    """By the recipe, by it with the eikonal term, or a SIREN with absolute errors and the eikonal term."""
    torch.manual_seed(0)
    recipe = nf.recipes.sdf(signal)
    if how == "siren":
        field = nf.networks.Siren(3, 1, width=64, depth=4, first_omega=OMEGA, hidden_omega=OMEGA)
        recipe = replace(recipe, field=field, optimizer=nf.fitting.Adam(lr=1e-3), batch=4096)
        recipe = replace(recipe, objective=nf.objectives.Eikonal("l1", weight=0.1))
    elif how == "eikonal":
        recipe = replace(recipe, objective=nf.objectives.Eikonal("mape", weight=1.0))
    nf.fit(recipe.field, signal, **{**recipe.settings, "steps": steps})
    return recipe.field


def near(level: Callable[[Tensor], Tensor]) -> Tensor:
    """Points [n, 3] spread evenly over what is near the surface."""
    x = torch.rand(200 * POINTS, 3, generator=torch.Generator().manual_seed(1)) * 1.8 - 0.9
    return x[(level(x).abs() < NEAR)[:, 0]][:POINTS]


def errors(field: nf.Field, level: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Of values near the surface and anywhere; of the gradient's length near it."""
    x = near(level)
    value, gradient = nf.calculus.value_and_gradient(field, x)
    off = (value - level(x)).abs().detach()
    length = (gradient.norm(dim=-1) - 1).abs().detach()
    anywhere = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(2)) * 2 - 1
    far = (nf.evaluate(field, anywhere) - level(anywhere)).abs()
    return {
        "mean_error_near": float(off.mean()),
        "largest_error_near": float(off.max()),
        "mean_error": float(far.mean()),
        "gradient_off_median": float(length.median()),
        "gradient_off_p90": float(length.quantile(0.9)),
    }


def second(field: nf.Field, level: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Of the laplacian near the surface, against the truth's, which is twice the mean curvature there."""
    x = near(level)
    found = nf.calculus.laplacian(field, x).detach()
    truth = nf.calculus.laplacian(level, x.double()).detach().float()
    off = (found - truth).abs() / truth.abs().clamp(min=1)
    return {
        "laplacian_off_median": float(off.median()),
        "laplacian_off_p90": float(off.quantile(0.9)),
        "laplacian_of_truth_median": float(truth.median()),
    }


def edges() -> np.ndarray:
    """Points [n, 3] of the part's edges: the box's, and the circles where the hole leaves it."""
    t = np.linspace(-1, 1, 200)
    lines = []
    for axis in range(3):
        for one in (-1, 1):
            for other in (-1, 1):
                line = np.empty((len(t), 3))
                line[:, axis], line[:, axis - 2], line[:, axis - 1] = t, one, other
                lines.append(line * BOX)
    angle = t * np.pi
    for side in (-1, 1):
        lines.append(np.stack([DRILL * np.cos(angle), DRILL * np.sin(angle), np.full_like(t, side * BOX[2])], 1))
    return np.concatenate(lines)


def sharpness(field: Callable[[Tensor], Tensor], cells: int) -> dict[str, dict[str, float]]:
    """How far the edges are from meshes of a field, in cells."""
    surface, found = nf.render.Surface(field), {}
    for name, method in (("marching cubes", nf.render.extract), ("dual contouring", nf.render.contour)):
        mesh = method(surface, cells).triangles
        distance = nf.geometry.Proximity(mesh).nearest(edges()).distance * cells / 2
        closed = nf.geometry.topology(mesh).closed
        found[name] = {"mean_cells": float(distance.mean()), "largest_cells": float(distance.max()), "closed": closed}
    return found


def main() -> None:
    parser = arguments(__doc__ or "", "known_shapes.json")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--samples", type=int, default=1 << 20)
    parser.add_argument("--cells", type=int, default=64, help="of the meshes of the part")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name, level in KNOWN.items():
        signal = nf.signals.Solid(level, name=name, sampling={"samples": options.samples})
        for how in ("recipe", "eikonal", "siren"):
            field = fitted(signal, how, options.steps)
            row = {"shape": name, "field": how, "iou": signal.measure(field)["iou"], **errors(field, level)}
            if how == "siren":
                row |= second(field, level)
            rows.append(row)
            print(row, flush=True)
    for name, level in OTHERS.items():
        signal = nf.signals.Solid(level, name=name, sampling={"samples": options.samples})
        field = fitted(signal, "recipe", options.steps)
        rows.append({"shape": name, "field": "recipe", **signal.measure(field, thorough=True)})
        print(rows[-1], flush=True)
    sharp = {"truth": sharpness(PART, options.cells), "field": sharpness(field, options.cells)}
    print(sharp)
    write(options.out, {"rows": rows, "edges": {"cells": options.cells, **sharp}})


if __name__ == "__main__":
    main()
