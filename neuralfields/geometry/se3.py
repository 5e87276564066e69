"""Motions of space: rotations followed by translations, and the twists they are exponentials of.

Motions are [*batch, 3, 4], a rotation beside a translation, as a camera's pose. Twists are [*batch, 6]: the
translation's part, then the rotation's, axis times angle in radians. Formulas: Eade, Lie Groups for 2D and 3D
Transformations, 2013. All are differentiable, at the twist zero too, where the refinement of cameras begins.
"""

import math

import torch
from torch import Tensor

_SMALL = 0.04  # the square of an angle below which series are more exact
_TERMS = 8
_INVERSE = (1 / 12, 1 / 720, 1 / 30240, 1 / 1209600, 1 / 47900160, 691 / 1307674368000)


def exp(twist: Tensor) -> Tensor:
    """The motions [*batch, 3, 4] that twists [*batch, 6] lead to."""
    along, turn = twist[..., :3], twist[..., 3:]
    square = (turn * turn).sum(-1)[..., None, None]
    cross = skew(turn)
    twice = cross @ cross
    one = torch.eye(3, dtype=twist.dtype, device=twist.device)
    first, second, third = (_divided(square, power) for power in (1, 2, 3))
    rotation = one + first * cross + second * twice
    translation = (one + second * cross + third * twice) @ along[..., None]
    return torch.cat([rotation, translation], -1)


def log(motion: Tensor) -> Tensor:
    """The twists [*batch, 6] of motions [*batch, 3, 4], with angles up to pi."""
    turn = _axis_angle(motion[..., :3])
    square = (turn * turn).sum(-1)[..., None, None]
    cross = skew(turn)
    one = torch.eye(3, dtype=motion.dtype, device=motion.device)
    along = (one - cross / 2 + _inverse(square) * (cross @ cross)) @ motion[..., 3:]
    return torch.cat([along[..., 0], turn], -1)


def product(a: Tensor, b: Tensor) -> Tensor:
    """The motions [*batch, 3, 4] that do ``b`` first, then ``a``."""
    turn = a[..., :3]
    return torch.cat([turn @ b[..., :3], turn @ b[..., 3:] + a[..., 3:]], -1)


def inverse(motion: Tensor) -> Tensor:
    """The motions [*batch, 3, 4] back."""
    back = motion[..., :3].mT
    return torch.cat([back, -back @ motion[..., 3:]], -1)


def nearest_rotation(matrix: Tensor) -> Tensor:
    """The rotations nearest to matrices [*batch, 3, 3], in the sense of least squares."""
    left, _, right = torch.linalg.svd(matrix)
    ones = torch.ones_like(matrix[..., 0, :2])
    sign = torch.cat([ones, torch.linalg.det(left @ right)[..., None].sign()], -1)
    return left @ (sign[..., None] * right)


def skew(vector: Tensor) -> Tensor:
    """The matrices [*batch, 3, 3] that multiply as the cross product with vectors [*batch, 3] does."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, -1).reshape(*vector.shape, 3)


def _divided(square: Tensor, power: int) -> Tensor:
    """With the angle t: sin(t) / t for power 1, (1 - cos(t)) / t^2 for 2, (t - sin(t)) / t^3 for 3."""
    series = torch.zeros_like(square)
    for k in reversed(range(_TERMS)):
        series = series * square + (-1) ** k / math.factorial(2 * k + power)
    safe = torch.where(square < _SMALL, 1.0, square)
    angle = safe.sqrt()
    closed = {1: angle.sin() / angle, 2: (1 - angle.cos()) / safe, 3: (angle - angle.sin()) / (safe * angle)}[power]
    return torch.where(square < _SMALL, series, closed)


def _inverse(square: Tensor) -> Tensor:
    """With the angle t: (1 - t/2 cot(t/2)) / t^2."""
    series = torch.zeros_like(square)
    for coefficient in reversed(_INVERSE):
        series = series * square + coefficient
    safe = torch.where(square < _SMALL, 1.0, square)
    half = safe.sqrt() / 2
    return torch.where(square < _SMALL, series, (1 - half * half.cos() / half.sin()) / safe)


def _axis_angle(rotation: Tensor) -> Tensor:
    """Axis times angle [*batch, 3] of rotations [*batch, 3, 3], through the quaternion's largest part."""
    m = rotation
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    # Each row is the quaternion (w, x, y, z) times four times one of its parts, whose square is on the diagonal.
    rows = [
        torch.stack([1 + xx + yy + zz, wx, wy, wz], -1),
        torch.stack([wx, 1 + xx - yy - zz, xy, xz], -1),
        torch.stack([wy, xy, 1 - xx + yy - zz, yz], -1),
        torch.stack([wz, xz, yz, 1 - xx - yy + zz], -1),
    ]
    table = torch.stack(rows, -2)
    best = table.diagonal(dim1=-2, dim2=-1).argmax(-1)
    quaternion = torch.gather(table, -2, best[..., None, None].expand(*best.shape, 1, 4))[..., 0, :]
    quaternion = torch.nn.functional.normalize(quaternion, dim=-1)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    real, vector = quaternion[..., :1], quaternion[..., 1:]
    square = (vector * vector).sum(-1, keepdim=True)
    tiny = square < 1e-16
    length = torch.where(tiny, 1.0, square).sqrt()
    return vector * torch.where(tiny, 2 / real.clamp(min=0.5), 2 * torch.atan2(length, real) / length)
