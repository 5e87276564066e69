"""Metrics by hand and against scikit-image."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from neuralfields import metrics
from neuralfields.errors import InputError
from neuralfields.protocols import Batch


def picture(height: int, width: int, channels: int, seed: int = 0) -> Tensor:
    """Smooth, with a little noise, in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(0, 9, height), torch.linspace(0, 7, width), indexing="ij")
    waves = torch.stack([(x * (c + 1) + y).sin() / 2 + 0.5 for c in range(channels)], -1)
    return (waves + 0.1 * torch.randn(height, width, channels, generator=generator)).clamp(0, 1)


def test_psnr_by_hand() -> None:
    target = torch.zeros(10, 3)
    assert metrics.psnr(target + 0.1, target) == pytest.approx(20)
    assert metrics.psnr(target, target) == math.inf
    assert metrics.psnr(target + 5, target) == pytest.approx(0)  # clamped to a difference of 1
    assert metrics.psnr(target - 5, target) == math.inf  # clamped to none


def test_psnr_is_scikit_images() -> None:
    a, b = picture(20, 30, 3), picture(20, 30, 3, seed=1)
    wanted = peak_signal_noise_ratio(b.double().numpy(), a.double().numpy(), data_range=1)
    assert metrics.psnr(a, b) == pytest.approx(wanted)


def test_an_error_that_is_no_number_is_no_perfect_match() -> None:
    target = torch.zeros(4, 1)
    assert math.isnan(metrics.psnr(target * math.nan, target))
    assert math.isnan(metrics.errors([(target * math.nan, target)])["psnr"])


def wanted_ssim(a: Tensor, b: Tensor) -> float:
    return float(
        structural_similarity(
            a.double().numpy(),
            b.double().numpy(),
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
        )
    )


@pytest.mark.parametrize(("height", "width", "channels"), [(11, 11, 1), (12, 40, 3), (33, 17, 2), (64, 48, 4)], ids=str)
def test_ssim_is_scikit_images(height: int, width: int, channels: int) -> None:
    a, b = picture(height, width, channels), picture(height, width, channels, seed=1)
    assert metrics.ssim(a, b) == pytest.approx(wanted_ssim(a, b), abs=1e-9)
    assert metrics.ssim(a, b) == pytest.approx(metrics.ssim(b, a), abs=1e-12)
    assert metrics.ssim(a, a) == pytest.approx(1)


@pytest.mark.parametrize("height", [95_335, 95_336])
def test_ssim_of_images_higher_than_one_strip(height: int) -> None:
    """A strip of an image 11 wide has 95,325 rows of windows."""
    a, b = picture(height, 11, 1), picture(height, 11, 1, seed=1)
    b[height // 2 :] = a[height // 2 :]
    assert metrics.ssim(a, b) == pytest.approx(wanted_ssim(a, b), abs=1e-9)


def test_ssim_of_values_beyond_the_range_is_of_what_is_seen() -> None:
    a, b = picture(20, 20, 1), picture(20, 20, 1, seed=1)
    assert metrics.ssim(a * 3 - 1, b) == pytest.approx(wanted_ssim((a * 3 - 1).clamp(0, 1), b), abs=1e-9)


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        ((20, 20, 3), (20, 20, 1), r"got \[20, 20, 3\] and \[20, 20, 1\]"),
        ((20, 20), (20, 20), r"got \[20, 20\] and \[20, 20\]"),
        ((10, 20, 3), (10, 20, 3), "at least 11 x 11 pixels, got 20 x 10"),
        ((20, 10, 3), (20, 10, 3), "at least 11 x 11 pixels, got 10 x 20"),
    ],
)
def test_ssim_of_what_cannot_be_compared(left: tuple[int, ...], right: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        metrics.ssim(torch.zeros(left), torch.zeros(right))


def test_quality_is_over_all_samples_together() -> None:
    """Batches of unequal length count by their samples."""
    generator = torch.Generator().manual_seed(0)
    y = torch.rand(10, 2, generator=generator) * 3 - 1
    x = torch.rand(10, 2, generator=generator)
    batches = [Batch(x[:3], y[:3]), Batch(x[3:], y[3:])]
    found = metrics.errors((batch.x * 2, batch.y) for batch in batches)
    p, t = (x * 2).double().numpy(), y.double().numpy()
    assert found == {
        "psnr": pytest.approx(-10 * math.log10(((p.clip(0, 1) - t.clip(0, 1)) ** 2).mean())),
        "relative_mse": pytest.approx(((p - t) ** 2 / (t**2 + 0.01)).mean()),
        "relative_l2": pytest.approx(np.linalg.norm(p - t) / np.linalg.norm(t)),
    }


def test_bits_per_pixel() -> None:
    assert metrics.bits_per_pixel(1000, 4000) == 2
