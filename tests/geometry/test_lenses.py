"""Lenses: OpenCV's formulas, their inverse, and where there is none."""

import math

import pytest
import torch
from torch import Tensor

from neuralfields.errors import InputError
from neuralfields.geometry import Lens

FOX = Lens("opencv", (0.0578421, -0.0805099, -0.000980296, 0.00015575))
RATIONAL = Lens("opencv", (0.3, 0.1, 0.001, -0.002, 0.02, 0.25, 0.05, 0.01))
BARREL = Lens("opencv", (-0.3,))
FISHEYE = Lens("fisheye", (0.02, -0.003, 0.0005, -0.00002))


def directions(widest: float, count: int = 2000) -> Tensor:
    """Unit vectors [n, 3] up to an angle in degrees from ahead."""
    torch.manual_seed(0)
    angle = torch.rand(count, dtype=torch.float64) * math.radians(widest)
    turn = torch.rand(count, dtype=torch.float64) * 2 * math.pi
    return torch.stack([angle.sin() * turn.cos(), angle.sin() * turn.sin(), angle.cos()], -1)


def test_opencv_word_by_word() -> None:
    k1, k2, p1, p2, k3, k4, k5, k6 = RATIONAL.coefficients
    x, y = 0.4, -0.3
    r2 = x * x + y * y
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    wanted = (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )
    assert RATIONAL.distort(torch.tensor([[2 * x, 2 * y, 2.0]], dtype=torch.float64))[0].tolist() == pytest.approx(
        wanted
    )


def test_fisheye_word_by_word() -> None:
    k1, k2, k3, k4 = FISHEYE.coefficients
    angle, turn = math.radians(95), 0.7
    length = angle * (1 + k1 * angle**2 + k2 * angle**4 + k3 * angle**6 + k4 * angle**8)
    direction = [math.sin(angle) * math.cos(turn), math.sin(angle) * math.sin(turn), math.cos(angle)]
    seen = FISHEYE.distort(torch.tensor([direction], dtype=torch.float64))[0]
    assert seen.tolist() == pytest.approx((length * math.cos(turn), length * math.sin(turn)))


@pytest.mark.parametrize(
    ("lens", "widest"),
    [
        (Lens("opencv", ()), 80),
        (Lens("fisheye", ()), 170),
        (FOX, 50),
        (RATIONAL, 60),
        (BARREL, 46),
        (Lens("opencv", (0.5, 0.2)), 75),
        (FISHEYE, 110),
    ],
)
def test_there_and_back(lens: Lens, widest: float) -> None:
    there = directions(widest)
    torch.testing.assert_close(lens.undistort(lens.distort(there)), there, rtol=0, atol=1e-10)
    torch.testing.assert_close(lens.undistort(torch.zeros(1, 2)), torch.tensor([[0.0, 0, 1]], dtype=torch.float64))


def test_a_lens_ends_where_its_picture_would_fold() -> None:
    # r (1 - 0.3 r^2) is largest at r = 1 / sqrt(0.9), where it is 2/3 of that.
    end = 1 / math.sqrt(0.9)
    assert BARREL.limit == pytest.approx(end)
    seen = BARREL.distort(torch.tensor([[0.999 * end, 0, 1], [1.001 * end, 0, 1], [0, 0, -1.0], [0.1, 0, -1]]))
    assert seen.isnan().any(-1).tolist() == [False, True, True, True]
    inside, outside = torch.tensor([[0.0, 0.66 * end]]), torch.tensor([[0.0, 0.67 * end], [5, 5]])
    assert not BARREL.undistort(inside).isnan().any() and BARREL.undistort(outside).isnan().all()


def test_a_pole_ends_a_lens_too() -> None:
    lens = Lens("opencv", (0, 0, 0, 0, 0, -0.25))  # divides by zero at r = 2
    assert lens.limit == pytest.approx(2)


def test_right_behind_a_fisheye_the_side_is_not_told() -> None:
    assert Lens("fisheye", ()).distort(torch.tensor([[0.0, 0, -1]])).isnan().all()


def test_coefficients_that_are_next_to_nothing() -> None:
    assert Lens("opencv", (-0.3, 5e-324, 0, 0, 1e-200)).limit == pytest.approx(1 / math.sqrt(0.9))


def test_whether_it_bends() -> None:
    assert not Lens("opencv", (0.0, 0)).bends and BARREL.bends and Lens("fisheye", ()).bends


@pytest.mark.parametrize(
    ("kind", "coefficients", "text"),
    [
        ("opencv", (0.0,) * 9, "up to 8"),
        ("fisheye", (math.nan,), "1e9"),
        ("opencv", (0.0, -1e300), "1e9"),
        ("fov", (1.0,), "opencv, fisheye"),
    ],
)
def test_impossible_lenses(kind: str, coefficients: tuple[float, ...], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Lens(kind, coefficients)
