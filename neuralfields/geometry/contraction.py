"""All of space in a ball of radius 2: what is near stays as it is, what is far is drawn together.

@inproceedings{barron2022mipnerf360,
  title={Mip-NeRF 360: Unbounded Anti-Aliased Neural Radiance Fields},
  author={Barron, Jonathan and Mildenhall, Ben and Verbin, Dor and others},
  booktitle={CVPR}, year={2022}}
"""

from torch import Tensor


def contract(x: Tensor) -> Tensor:
    """Places [*batch, n] to places in the ball of radius 2: x for |x| <= 1, else (2 - 1 / |x|) x / |x|.

    Barron et al. 2022, equation 10. Its first derivatives are continuous, at the origin and at |x| = 1 too. In float32
    |x| is at most 1e18.
    """
    # The radius is held at 1 from below: one formula, whose derivative is finite where that of |x| is not.
    r = x.square().sum(-1, keepdim=True).clamp(min=1).sqrt()
    return x * ((2 - 1 / r) / r)


def uncontract(z: Tensor) -> Tensor:
    """The inverse of ``contract``: places [*batch, n] with |z| < 2 to all of space.

    Not finite where |z| >= 2, where no place is. Distances near the rim have few digits: of 1e4, in float32, three.
    """
    r = z.square().sum(-1, keepdim=True).clamp(min=1).sqrt()
    return z / (r * (2 - r).clamp(min=0))


def in_box(x: Tensor, unbounded: bool) -> Tensor:
    """Places [*batch, n] as what covers the box sees them: contracted and halved if the world has no bounds."""
    return contract(x) / 2 if unbounded else x
