"""Rays through pixels of photos: the kernel gives the reference's bits, and what cameras say."""

from dataclasses import replace

import pytest
import torch

from neuralfields import ops
from neuralfields.errors import InputError
from neuralfields.geometry import Camera, Cameras, Lens
from neuralfields.ops import PosedPixels, native

needs_core = pytest.mark.skipif(native.reason() is not None, reason=f"the native core {native.reason()}")
BACKENDS = ["reference", pytest.param("cpu", marks=needs_core)]
SIZES = [(40, 30), (17, 23), (1, 5), (64, 9)]


def cameras() -> list[Camera]:
    return [Camera.orbit(50.0 * k, 10.0 * k, 3 + k, size=size) for k, size in enumerate(SIZES)]


def photos(channels: int = 4, every: int = 0) -> PosedPixels:
    many, pixels = Cameras(cameras()), [width * height for width, height in SIZES]
    bytes_ = torch.randint(0, 256, (sum(pixels), channels), generator=torch.Generator().manual_seed(0))
    return PosedPixels(
        stored=bytes_.to(torch.uint8),
        chosen=torch.arange(0, sum(pixels), every, dtype=torch.int32) if every else None,
        first=sum(pixels[:3]),
        starts=torch.tensor([0, *pixels]).cumsum(0),
        widths=torch.tensor([width for width, _ in SIZES]),
        planes=many.planes,
        turns=many.turns,
        eyes=many.pose[:, :, 3].contiguous(),
    )


@needs_core
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("every", [0, 3])
def test_the_kernel_gives_the_references_bits(channels: int, every: int) -> None:
    given = photos(channels, every)
    index = torch.randint(0, given.size, (3001,), generator=torch.Generator().manual_seed(1))
    with ops.backend("reference"):
        wanted = ops.pixel_rays(given, index)
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        for part in (index, index[:1], index[::2]):
            with ops.backend("cpu"):
                found = ops.pixel_rays(given, part)
            same = wanted if part is index else [t[: len(part)] if len(part) == 1 else t[::2] for t in wanted]
            assert all(map(torch.equal, found, same))


@pytest.mark.parametrize("backend", BACKENDS)
def test_each_pixel_of_each_view(backend: str) -> None:
    given = photos(3, every=1)
    with ops.backend(backend):
        rays, values, view = ops.pixel_rays(given, torch.arange(given.size))
    for number, camera in enumerate(cameras()):
        own = view == number
        wanted = camera.rays(camera.centres(torch.arange(camera.pixels)))
        torch.testing.assert_close(rays[own, :3], wanted.origin)
        torch.testing.assert_close(rays[own, 3:], wanted.direction, rtol=0, atol=2e-7)
    assert torch.equal(values[:, :3], given.stored / torch.tensor(255.0)) and (values[:, 3] == 1).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("wrong", [1596, -1, 2**62])
def test_numbers_of_no_pixel(backend: str, wrong: int) -> None:
    given = photos()
    assert given.size == 40 * 30 + 17 * 23 + 5
    with ops.backend(backend), pytest.raises(IndexError, match="there are 1596 pixels"):
        ops.pixel_rays(given, torch.tensor([0, wrong, 1]))


def test_pixels_of_another_kind() -> None:
    given = photos()
    wrong = replace(given, stored=given.stored.float())
    with pytest.raises(InputError, match=r"pixels are \[n, 3 or 4\] uint8, got \[.*, 4\] torch.float32"):
        ops.pixel_rays(wrong, torch.arange(3))
    with pytest.raises(InputError, match=r"index is \[n\], the pixels' numbers, got \[4, 2\]"):
        ops.pixel_rays(given, torch.arange(8).view(4, 2))
    for name in ("starts", "widths"):
        with pytest.raises(InputError, match=rf"{name} is \[n\] torch.int64, got \[.\] torch.int32"):
            ops.pixel_rays(replace(given, **{name: getattr(given, name).int()}), torch.arange(3))
    with pytest.raises(InputError, match=r"chosen is \[n\] torch.int32, got \[3\] torch.int64"):
        ops.pixel_rays(replace(given, chosen=torch.arange(3)), torch.arange(3))


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_pixel(backend: str) -> None:
    with ops.backend(backend):
        found = ops.pixel_rays(photos(), torch.empty(0, dtype=torch.int64))
    assert [list(tensor.shape) for tensor in found] == [[0, 6], [0, 4], [0]]


def test_only_pinholes_are_pinholes() -> None:
    plain = Cameras(cameras())
    bent = Camera(plain[0].pose, 20.0, (40, 30), None, Lens("opencv", (0.1,)))
    assert plain.pinholes and not Cameras([*cameras(), bent]).pinholes
