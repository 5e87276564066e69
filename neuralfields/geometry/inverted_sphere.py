"""All that lies outside the unit sphere as a unit direction and an inverse radius in (0, 1].

@article{zhang2020nerfpp,
  title={NeRF++: Analyzing and Improving Neural Radiance Fields},
  author={Zhang, Kai and Riegler, Gernot and Snavely, Noah and Koltun, Vladlen},
  journal={arXiv:2010.07492}, year={2020}}
"""

import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry.cameras import Rays


def sphere_exit(rays: Rays) -> Tensor:
    """The depths [n] at which rays that start inside the unit sphere leave it.

    Raises:
        InputError: a ray starts on the sphere or outside of it.
    """
    depth, closest = _closest(rays)
    return depth + (1 - closest.square().sum(-1)).sqrt()


def inverted_sphere(rays: Rays, inverse: Tensor) -> tuple[Tensor, Tensor]:
    """Where rays that start inside the unit sphere reach the radius 1 / ``inverse``.

    Zhang et al. 2020, section 4. The paper turns the point at which a ray leaves the sphere; the same direction is
    ``inverse`` times the ray's closest point to the centre, plus what of the ray's own direction makes it a unit
    vector, which is right for ``inverse = 0`` too: infinitely far along the ray.

    Args:
        inverse: [n], 0 to 1.

    Returns:
        points [n, 4], the unit direction from the centre and ``inverse``; and depths [n] along the rays, infinite
        where ``inverse`` is 0.

    Raises:
        InputError: a ray starts on the sphere or outside of it.
    """
    depth, closest = _closest(rays)
    cosine = (1 - closest.square().sum(-1) * inverse.square()).sqrt()
    direction = inverse[:, None] * closest + cosine[:, None] * rays.direction
    return torch.cat([direction, inverse[:, None]], -1), depth + cosine / inverse


def _closest(rays: Rays) -> tuple[Tensor, Tensor]:
    """Depth [n] and place [n, 3] where each ray, continued to both sides, is closest to the centre."""
    radius = rays.origin.detach().norm(dim=-1)
    if not (radius < 1).all():
        raise InputError(
            f"rays start inside the unit sphere, got one at a radius of {float(radius.max()):.4g}: scale the scene "
            "so that all cameras lie within it"
        )
    depth = -(rays.origin * rays.direction).sum(-1)
    return depth, rays.at(depth)
