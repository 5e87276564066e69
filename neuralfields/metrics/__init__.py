"""Quality of a fit: of images PSNR, SSIM, relative error, bits per pixel; of shapes IoU, distances, angles."""

from neuralfields.metrics.images import SSIM_TAPS, bits_per_pixel, errors, psnr, psnr_of_error, ssim
from neuralfields.metrics.shapes import SurfaceErrors, iou, surface_errors

__all__ = [
    "SSIM_TAPS",
    "SurfaceErrors",
    "bits_per_pixel",
    "errors",
    "iou",
    "psnr",
    "psnr_of_error",
    "ssim",
    "surface_errors",
]
