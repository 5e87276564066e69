"""Ways to put a world without bounds before a radiance field: "yard" of ``signals.synthetic``, equal samples per ray.

NeRF's networks: ``box``, all of it in one box, samples even in distance; ``contracted``, drawn together into a ball
(mip-NeRF 360), samples even in that; ``inverted``, a second network for the outside of a sphere (NeRF++), with half of
the samples, so that there are twice as many parameters. Hash grids: ``grid even``, 64 samples of one field; ``grid
proposals``, 24 and 24 of two proposals, 16 of the field. PSNR is that of held-out views, ``psnr_far`` that of their
pixels whose things are outside of the unit ball, ``depth_error`` the median relative error of depths.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from machine import arguments, write
from torch import Tensor

import neuralfields as nf
from neuralfields.encodings import HashGrid, PositionalEncoding, SphericalHarmonics
from neuralfields.fields import Affine, Density, Hierarchical, InvertedSphere, Radiance
from neuralfields.networks import MLP, SkipMLP
from neuralfields.objectives import Photometric
from neuralfields.signals import PosedImages, synthetic

FAR = 20.0  # box units, a little beyond the sky
SIZES: dict[str, Any] = {"width": 64, "depth": 4}


def network(coordinates: int, *, unbounded: bool = False, scale: float = 1.0) -> Radiance:
    place, direction = PositionalEncoding(coordinates, octaves=10), PositionalEncoding(3, octaves=4)
    trunk = SkipMLP(place.out_dim, 1 + SIZES["width"], skips=[], **SIZES)
    parts = [place, trunk] if scale == 1 else [Affine(coordinates, scale=scale), place, trunk]
    colour = SkipMLP(SIZES["width"] + direction.out_dim, 3, width=SIZES["width"] // 2, depth=1, skips=[])
    chain = nf.Chain(*parts)
    return Radiance(chain, colour, directions=direction, activation="softplus", unbounded=unbounded)


def grid() -> Radiance:
    table, direction = HashGrid(3, levels=8, log2_size=17, base=16, finest=1024), SphericalHarmonics(4)
    trunk = nf.Chain(table, MLP(table.out_dim, 16, bias=False, depth=1))
    return Radiance(trunk, MLP(16 + 16, 3, bias=False, depth=1), directions=direction, unbounded=True)


def proposal(finest: int) -> Density:
    table = HashGrid(3, levels=5, log2_size=15, base=16, finest=finest)
    return Density(nf.Chain(table, MLP(table.out_dim, 1, width=16, bias=False, depth=1)), unbounded=True)


def box(scene: PosedImages) -> nf.Field:
    passes = [network(3, scale=1 / FAR) for _ in range(2)]
    return Hierarchical(passes[1], passes[:1], samples=(48, 48), near=scene.near, far=FAR, opaque=True)


def contracted(scene: PosedImages) -> nf.Field:
    passes = [network(3, unbounded=True) for _ in range(2)]
    return Hierarchical(passes[1], passes[:1], samples=(48, 48), **reach(scene))


def inverted(scene: PosedImages) -> nf.Field:
    inside, outside = ([network(n) for _ in range(2)] for n in (3, 4))
    radius = 1.05 * max(float(scene.frame.to_box(camera.eye).norm()) for camera in scene.cameras)
    return InvertedSphere(inside, outside, samples=(24, 24), near=scene.near / radius, radius=radius)


def grid_even(scene: PosedImages) -> nf.Field:
    return Hierarchical(grid(), [], samples=(64,), **reach(scene))


def grid_proposals(scene: PosedImages) -> nf.Field:
    return Hierarchical(grid(), [proposal(64), proposal(256)], samples=(24, 24, 16), merged=False, **reach(scene))


def reach(scene: PosedImages) -> dict[str, Any]:
    return {"near": scene.near, "far": FAR, "spacing": "contracted", "opaque": True}


CASES: dict[str, Callable[[PosedImages], nf.Field]] = {
    "box": box,
    "contracted": contracted,
    "inverted": inverted,
    "grid even": grid_even,
    "grid proposals": grid_proposals,
}


def settings(name: str, scene: PosedImages) -> dict[str, Any]:
    """The field and how it is trained."""
    torch.manual_seed(0)
    made: dict[str, Any] = {"field": CASES[name](scene)}
    if name.startswith("grid"):
        rates = nf.fitting.Adam(lr=1e-2, table_lr=1e-2, betas=(0.9, 0.99), epsilon=1e-15)
        return made | {"optimizer": rates, "objective": Photometric(distortion=0.01)}
    return made | {"optimizer": nf.fitting.Adam(lr=1e-3 / SkipMLP.lr_scale), "objective": Photometric()}


def photos(views: int, held_out: int, size: int) -> tuple[PosedImages, list[nf.render.View]]:
    """The scene, and the truth of the views that are held out."""
    world = synthetic.world("yard")
    cameras = [*world.cameras(views, size=(size, size)), *world.cameras(held_out, size=(size, size), first=0.5)]
    seen = [synthetic.trace(world, camera) for camera in cameras]
    images = [np.asarray((view.colour * 255).round().byte()) for view in seen]
    return PosedImages(images, cameras, training=views, name="yard"), seen[views:]


def judged(scene: PosedImages, field: nf.Field, truth: list[nf.render.View]) -> dict[str, float]:
    errors: list[Tensor] = []
    far: list[Tensor] = []
    depths: list[Tensor] = []
    for camera, wanted in zip(scene.cameras[scene.training :], truth, strict=True):
        found = nf.render.render_view(field, camera, frame=scene.frame)
        errors.append((found.colour - wanted.colour).square().mean(-1).flatten())
        far.append((outside(scene, camera, wanted)).flatten())
        depths.append(((found.depth - wanted.depth).abs() / wanted.depth).flatten())
    error, beyond = torch.cat(errors), torch.cat(far)
    psnr, psnr_far = (float(-10 * part.mean().log10()) for part in (error, error[beyond]))
    return {"psnr": psnr, "psnr_far": psnr_far, "depth_error": float(torch.cat(depths).median())}


def outside(scene: PosedImages, camera: nf.geometry.Camera, view: nf.render.View) -> Tensor:
    """Which pixels show what is outside the unit ball."""
    rays = camera.rays(camera.centres(torch.arange(camera.pixels)), dtype=torch.float64)
    return scene.frame.to_box(rays.at(view.depth.flatten())).norm(dim=-1) > 1


def main() -> None:
    parser = arguments(__doc__ or "", "unbounded.json")
    parser.add_argument("--only", choices=CASES, nargs="+", default=list(CASES))
    parser.add_argument("--seconds", type=float, default=300, help="of each fit")
    parser.add_argument("--views", type=int, default=60)
    parser.add_argument("--held-out", type=int, default=8)
    parser.add_argument("--size", type=int, default=100, help="of the square views, in pixels")
    parser.add_argument("--rays", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    scene, truth = photos(options.views, options.held_out, options.size)
    rows = []
    for name in options.only:
        made = settings(name, scene)
        field = made.pop("field")
        fit = nf.fit(
            field, scene, **made, seconds=options.seconds, batch=options.rays, decay=nf.fitting.Decay(0.2, 0.1)
        )
        row = {"field": name, "parameters": sum(p.numel() for p in field.parameters()), "steps": fit.steps}
        rows.append(row | {"seconds": round(fit.seconds, 1)} | judged(scene, fit.field, truth))
        print(rows[-1], flush=True)
        how = {name: getattr(options, name) for name in ("views", "held_out", "size", "rays", "seconds", "threads")}
        write(options.out, {"settings": how, "rows": rows})


if __name__ == "__main__":
    main()
