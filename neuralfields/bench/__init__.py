"""Measuring this machine and this package: ceilings, kernels beside plain PyTorch, time to quality."""
