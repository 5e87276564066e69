"""Real spherical harmonics of a direction: smooth functions on the sphere, sorted by how fast they vary.

@article{mueller2022instant,
  title={Instant Neural Graphics Primitives with a Multiresolution Hash Encoding},
  author={M{\"u}ller, Thomas and Evans, Alex and Schied, Christoph and Keller, Alexander},
  journal={ACM Transactions on Graphics}, volume={41}, number={4}, year={2022}}
"""

from torch import Tensor

from neuralfields.checks import between
from neuralfields.field import Field
from neuralfields.ops.radiance.harmonics import spherical_harmonics


class SphericalHarmonics(Field):
    """Y_lm(v) for l < degree and m = -l ... l, at index l (l + 1) + m.

    Y_lm = (-1)^m sqrt(2) K_lm Q_lm(z) Re (x + iy)^m for m > 0, with Im (x + iy)^|m| for m < 0, and K_l0 Q_l0(z) for
    m = 0; Q_lm is the associated Legendre function over (1 - z^2)^(|m|/2), K_lm makes the integral of Y^2 one. Order
    and signs are tiny-cuda-nn's: odd m have a minus, unlike in SciPy. tiny-cuda-nn reads directions as (v + 1) / 2;
    here v itself is the coordinate, in the box [-1, 1]^3. The caller makes v a unit vector: elsewhere the values are
    the same polynomials, which mean nothing.

    Args:
        degree: number of bands, 1 to 8; the result has degree^2 values.

    Raises:
        InputError: the degree is out of range.
    """

    paper = "Müller et al., Instant Neural Graphics Primitives with a Multiresolution Hash Encoding, SIGGRAPH 2022"

    def __init__(self, degree: int = 4):
        super().__init__()
        between(1, 8, degree=degree)
        self.in_dim, self.out_dim, self.degree = 3, degree**2, degree

    def forward(self, v: Tensor) -> Tensor:
        return spherical_harmonics(v, self.degree)
