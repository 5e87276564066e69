"""Quality of a fit: of images PSNR, SSIM, relative error, bits per pixel; of shapes IoU, distances, angles."""

from neuralfields.metrics.images import SSIM_TAPS, bits_per_pixel, errors, psnr, psnr_of_error, ssim

__all__ = ["SSIM_TAPS", "bits_per_pixel", "errors", "psnr", "psnr_of_error", "ssim"]
