"""Quality of values and pictures: PSNR, SSIM, relative error, bits per pixel."""

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError

SSIM_TAPS, _SSIM_SIGMA = 11, 1.5
_STRIP_VALUES = 1 << 17


def psnr(prediction: Tensor, target: Tensor) -> float:
    """Peak signal-to-noise ratio in dB, peak 1, both clamped to [0, 1]; infinite for equal values."""
    return errors([(prediction, target)])["psnr"]


def psnr_of_error(mean_square_error: float) -> float:
    """-10 log10 of a mean squared error; NaN stays NaN."""
    return math.inf if mean_square_error == 0 else -10 * math.log10(mean_square_error)


def errors(pairs: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Errors over all (prediction, target) pairs, taken together.

    Returns:
        psnr: in dB, peak 1, clamped to [0, 1].
        relative_mse: mean of (p - t)^2 / (t^2 + 0.01), for values beyond [0, 1] (HDR).
        relative_l2: ||p - t|| / ||t||.

    Raises:
        InputError: the shapes of a pair differ, or there are no values.
    """
    count, sums = 0, torch.zeros(4, dtype=torch.float64)
    for prediction, target in pairs:
        sums += ops.error_sums(prediction, target).cpu()
        count += target.numel()
    if not count:
        raise InputError("there is nothing to compare")
    square, relative, difference, norm = sums.tolist()
    return {
        "psnr": psnr_of_error(square / count),
        "relative_mse": relative / count,
        "relative_l2": math.sqrt(difference / norm) if norm else math.inf,
    }


def ssim(prediction: Tensor, target: Tensor) -> float:
    """Structural similarity of two images [height, width, channels] in [0, 1], mean over pixels and channels.

    11 x 11 Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, pixels whose window leaves the image left out:
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.

    Raises:
        InputError: the shapes differ, or the images are smaller than the window.
    """
    if prediction.shape != target.shape or prediction.dim() != 3:
        raise InputError(f"ssim compares two [h, w, c], got {list(prediction.shape)} and {list(target.shape)}")
    height, width, channels = target.shape
    if min(height, width) < SSIM_TAPS:
        raise InputError(f"ssim needs at least {SSIM_TAPS} x {SSIM_TAPS} pixels, got {width} x {height}")
    total = 0.0
    strip = max(SSIM_TAPS, _STRIP_VALUES // (width * channels))
    # Strips of rows overlap by the window, so that every window is counted once and a strip stays in the cache.
    for top in range(0, height - SSIM_TAPS + 1, strip):
        rows = slice(top, min(top + strip + SSIM_TAPS - 1, height))
        total += _ssim_sum(prediction[rows], target[rows])
    return total / (channels * (height - SSIM_TAPS + 1) * (width - SSIM_TAPS + 1))


def _ssim_sum(a: Tensor, b: Tensor) -> float:
    a, b = a.double().clamp(0, 1), b.double().clamp(0, 1)
    offset = torch.arange(SSIM_TAPS, dtype=torch.float64) - SSIM_TAPS // 2
    window = torch.exp(-offset.square() / (2 * _SSIM_SIGMA**2))
    weights = (window / window.sum()).tolist()
    moments = torch.stack([a, b, a * a + b * b, a * b])  # the two variances are wanted as their sum only
    mean_a, mean_b, squares, products = _blurred(_blurred(moments, weights, 1), weights, 2)
    c1, c2 = 0.01**2, 0.03**2
    means, product = mean_a.square() + mean_b.square(), mean_a * mean_b
    luminance = (2 * product + c1) / (means + c1)
    contrast = (2 * (products - product) + c2) / (squares - means + c2)
    return float((luminance * contrast).sum())


def _blurred(values: Tensor, weights: Sequence[float], axis: int) -> Tensor:
    """Weighted sums of neighbours along an axis; torch's convolution of float64 takes several times as long."""
    count = values.shape[axis] - len(weights) + 1
    total = values.narrow(axis, 0, count) * weights[0]
    for k, weight in enumerate(weights[1:], 1):
        total.add_(values.narrow(axis, k, count), alpha=weight)
    return total


def bits_per_pixel(size_in_bytes: int, pixels: int) -> float:
    """Bits of a file per pixel of the image it stands for."""
    return 8 * size_in_bytes / pixels
