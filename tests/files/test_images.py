"""Picture files: bit-exact both ways, whole or refused, and every refusal one clear line."""

import io
import itertools
import os
import struct
import tempfile
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import tifffile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.images import IMAGE_SUFFIXES, WRITABLE_SUFFIXES, Pixels, image_size, read_image, write_image

pytestmark = pytest.mark.filterwarnings("error")


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    """Values over the whole range of an integer dtype, or [0, 1) of a float one."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape).astype(dtype)
    return rng.integers(0, 2 ** (8 * np.dtype(dtype).itemsize), shape).astype(dtype)


def read_bytes(data: bytes, suffix: str) -> Pixels:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix}"
        path.write_bytes(data)
        pixels = read_image(path)
        assert image_size(path) == pixels.values.shape[1::-1]
        return pixels


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def tiff(values: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **{"metadata": None, **options})  # type: ignore[arg-type]
    return stream.getvalue()


def exr(channels: dict[str, np.ndarray], **header: object) -> bytes:
    stream = io.BytesIO()
    full = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(full, channels).write(stream)
    return stream.getvalue()


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=True, **arrays)
    return stream.getvalue()


@contextmanager
def refused(*words: str, kind: type[Exception] = InputError) -> Iterator[None]:
    """One line with all these words, of exactly this kind."""
    with pytest.raises(InputError) as caught:
        yield
    text = str(caught.value)
    assert type(caught.value) is kind, text
    assert "\n" not in text and len(text) < 400
    assert not [word for word in words if word not in text], text


# ---- PNG, against a writer that follows the specification byte by byte ----


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))  # min keeps the first of equals, as specified


def filtered(rows: list[bytes], step: int, filters: Iterator[int]) -> bytes:
    out = bytearray()
    above = bytes(len(rows[0]))
    for row in rows:
        kind = next(filters)
        out.append(kind)
        for i, value in enumerate(row):
            left, corner = (row[i - step], above[i - step]) if i >= step else (0, 0)
            out.append((value - [0, left, above[i], (left + above[i]) // 2, paeth(left, above[i], corner)][kind]) % 256)
        above = row
    return bytes(out)


def packed(samples: np.ndarray, depth: int) -> list[bytes]:
    """Rows of [height, width, count] samples as PNG bytes."""
    rows = []
    for row in samples.reshape(len(samples), -1):
        bits = "".join(f"{int(sample):0{depth}b}" for sample in row)
        bits += "0" * (-len(bits) % 8)
        rows.append(bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)))
    return rows


ADAM7 = ["1 6 4 6 2 6 4 6", "7 7 7 7 7 7 7 7", "5 6 5 6 5 6 5 6", "7 7 7 7 7 7 7 7"]
ADAM7 = [row.split() for row in [*ADAM7, "3 6 4 6 3 6 4 6", ADAM7[1], ADAM7[2], ADAM7[3]]]  # the specification's figure


def passes(samples: np.ndarray, interlaced: bool) -> Iterator[np.ndarray]:
    if not interlaced:
        yield samples
        return
    height, width, _ = samples.shape
    for number in "1234567":
        rows = [[samples[y, x] for x in range(width) if ADAM7[y % 8][x % 8] == number] for y in range(height)]
        if any(rows):
            yield np.array([row for row in rows if row])


def png(
    samples: np.ndarray,
    depth: int,
    colour: int,
    *,
    filters: tuple[int, ...] = (0, 1, 2, 3, 4),
    interlaced: bool = False,
    extra: bytes = b"",
    size: tuple[int, int] | None = None,
    raw: bytes | None = None,
) -> bytes:
    height, width, count = samples.shape
    kinds = itertools.cycle(filters)
    step = max(1, count * depth // 8)
    body = b"".join(filtered(packed(part, depth), step, kinds) for part in passes(samples, interlaced))
    data = zlib.compress(body if raw is None else raw)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, colour, 0, 0, interlaced)
    half = len(data) // 2  # two chunks, as the stream may be cut anywhere
    idat = chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + idat + chunk(b"IEND", b"")


COLOURS = {0: 1, 2: 3, 4: 2, 6: 4}


@settings(max_examples=60, deadline=None, database=None)
@given(
    st.integers(1, 19),
    st.integers(1, 19),
    st.sampled_from(sorted(COLOURS)),
    st.sampled_from((8, 16)),
    st.booleans(),
    st.permutations(range(5)),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_png_of_every_filter_and_colour_type(height, width, colour, depth, interlaced, filters, smooth, seed):
    samples = noise(height, width, COLOURS[colour], dtype=f"uint{depth}", seed=seed)
    if smooth:  # so that all branches of the Paeth filter are taken, ties too
        samples = np.sort(samples // 16, axis=0)
    pixels = read_bytes(png(samples, depth, colour, filters=tuple(filters), interlaced=interlaced), ".png")
    assert not pixels.linear and pixels.values.flags.c_contiguous
    assert pixels.values.dtype == samples.dtype and pixels.values.dtype.isnative
    np.testing.assert_array_equal(pixels.values, samples)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_of_few_bits(depth, interlaced):
    samples = noise(11, 13, 1) % 2**depth
    for colour in (0, 3):
        palette = noise(2**depth, 3, seed=5)
        alpha = noise(2**depth - 1, seed=6)
        extra = chunk(b"PLTE", palette.tobytes()) if colour == 3 else b""
        data = png(samples, depth, colour, interlaced=interlaced, extra=extra)
        expected = palette[samples[..., 0]] if colour == 3 else np.rint(samples * (255 / (2**depth - 1)))
        np.testing.assert_array_equal(read_bytes(data, ".png").values, expected)
        if colour == 3:
            data = png(samples, depth, 3, interlaced=interlaced, extra=extra + chunk(b"tRNS", alpha.tobytes()))
            rgba = np.concatenate([palette, np.append(alpha, np.uint8(255))[:, None]], axis=1)  # the last is opaque
            np.testing.assert_array_equal(read_bytes(data, ".png").values, rgba[samples[..., 0]])


@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2)])
def test_a_transparent_colour_becomes_alpha(depth, colour):
    samples = noise(6, 5, COLOURS[colour], dtype="uint16", seed=1) >> (16 - depth)
    samples[2, 3] = samples[4, 0] = key = samples[0, 0].copy()
    values = read_bytes(png(samples, depth, colour, extra=chunk(b"tRNS", key.astype(">u2").tobytes())), ".png").values
    top = 65535 if depth == 16 else 255
    assert values.shape == (6, 5, COLOURS[colour] + 1)
    np.testing.assert_array_equal(values[..., -1], np.where((samples == key).all(-1), 0, top))
    np.testing.assert_array_equal(values[..., :-1], samples * (255 // (2**depth - 1)) if depth < 8 else samples)


def test_pillow_reads_what_is_written_as_16_bit_grey(tmp_path):
    values = noise(9, 7, 1, dtype="uint16")
    write_image(tmp_path / "grey.png", values)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "grey.png")), values[..., 0])


def test_pillow_agrees_on_the_high_bytes_of_written_colours(tmp_path):
    values = np.cumsum(noise(40, 30, 3, dtype="uint16") % 900, axis=0).astype(np.uint16)  # smooth: all filters are used
    write_image(tmp_path / "rgb.png", values)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "rgb.png")), values >> 8)


# ---- both ways ----

LOSSLESS = [
    *itertools.product([".png", ".tif", ".tiff", ".npy", ".npz"], ["uint8", "uint16"], [1, 2, 3, 4]),
    *itertools.product([".npy", ".npz"], ["float16", "float32"], [1, 2, 3, 4]),
    *itertools.product([".exr"], ["float16", "float32"], [1, 3]),
    *itertools.product([".webp"], ["uint8"], [3, 4]),
]


@settings(max_examples=100, deadline=None, database=None)
@given(st.sampled_from(LOSSLESS), st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32))
@example((".tiff", "uint16", 4), 1, 1, 0)
@example((".png", "uint16", 3), 1, 1, 0)
def test_what_is_written_is_read(case, height, width, seed):
    suffix, dtype, channels = case
    values = noise(height, width, channels, dtype=dtype, seed=seed)
    if dtype.startswith("float"):
        values = values * 2000 - 1000  # linear light has no bounds
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"picture{suffix.upper()}"
        write_image(path, values)
        assert [file.name for file in Path(folder).iterdir()] == [path.name]
        pixels = read_image(str(path))
    assert pixels.values.dtype == dtype and pixels.linear == dtype.startswith("float")
    np.testing.assert_array_equal(pixels.values, values)


@pytest.mark.parametrize(
    ("suffix", "bits", "dtype"),
    [(".png", 8, "uint8"), (".png", 16, "uint16"), (".tif", 16, "uint16"), (".webp", 8, "uint8")],
)
@pytest.mark.parametrize("given_dtype", ["float16", "float32", "float64"])
def test_floats_are_clipped_and_rounded(tmp_path, suffix, bits, dtype, given_dtype):
    top = 2**bits - 1
    values = np.array([-3, 0, 0.4 / top, 0.6 / top, 0.5, 1 - 0.6 / top, 1, 7], given_dtype).reshape(2, 4, 1)
    write_image(tmp_path / f"a{suffix}", np.repeat(values, 3, axis=-1), bits=bits)
    expected = np.array([min(max(round(float(value) * top), 0), top) for value in values.ravel()], dtype)
    np.testing.assert_array_equal(read_image(tmp_path / f"a{suffix}").values[..., 1].ravel(), expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_level_survives_as_a_float32(tmp_path, dtype):
    levels = np.arange(2 ** (8 * np.dtype(dtype).itemsize)).astype(dtype).reshape(16, -1, 1)
    write_image(tmp_path / "a.png", (levels / np.iinfo(dtype).max).astype(np.float32), bits=8 * levels.itemsize)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").values, levels)


def test_bits_choose_the_dtype(tmp_path):
    values = noise(3, 4, 3, dtype="float64")
    cases = {".png": {None: "uint8", 16: "uint16"}, ".tif": {None: "uint8", 8: "uint8", 16: "uint16", 32: "float32"}}
    cases |= {".exr": {None: "float32", 16: "float16", 32: "float32"}, ".npy": {None: "float32", 16: "float16"}}
    for suffix, by_bits in cases.items():
        for bits, dtype in by_bits.items():
            write_image(tmp_path / f"a{suffix}", values, bits=bits)
            assert read_image(tmp_path / f"a{suffix}").values.dtype == dtype, (suffix, bits)
    write_image(tmp_path / "a.exr", values.astype(np.float16))
    assert read_image(tmp_path / "a.exr").values.dtype == np.float16


def test_jpeg_and_grey_webp(tmp_path):
    values = np.repeat(np.linspace(0, 1, 32), 24).reshape(32, 24, 1)
    for suffix, channels in [(".jpg", 1), (".jpeg", 3), (".webp", 1)]:
        write_image(tmp_path / f"a{suffix}", np.repeat(values, channels, axis=-1))
        back = read_image(tmp_path / f"a{suffix}").values
        assert back.shape == (32, 24, 3 if suffix == ".webp" else channels)
        assert np.abs(back / 255 - values).max() < 0.02
    write_image(tmp_path / "a.webp", noise(4, 5, 2))
    np.testing.assert_array_equal(read_image(tmp_path / "a.webp").values[..., [0, 3]], noise(4, 5, 2))


def test_content_decides_the_format():
    picture = Image.fromarray(noise(8, 8, 3))
    jpeg = saved(picture, "JPEG")
    np.testing.assert_array_equal(read_bytes(jpeg, ".png").values, np.asarray(Image.open(io.BytesIO(jpeg))))
    np.testing.assert_array_equal(read_bytes(saved(picture, "PNG"), ".jpg").values, noise(8, 8, 3))


# ---- Pillow's formats ----


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    corners = np.zeros((16, 32, 3), np.uint8)
    corners[:8, :16], corners[:8, 16:], corners[8:, :16] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    picture = Image.fromarray(corners)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for kind, options in [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("JPEG", {"quality": 100, "subsampling": 0}),
    ]:
        data = saved(picture, kind, exif=exif.tobytes(), **options)
        expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
        values = read_bytes(data, f".{kind.lower()}").values
        assert values.shape == ((32, 16, 3) if orientation > 4 else (16, 32, 3))
        np.testing.assert_array_equal(values, expected, err_msg=kind)
    wide = corners.astype(np.uint16) * 257
    turned = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(saved(picture, "PNG", exif=exif.tobytes())))))
    data = tiff(wide, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    np.testing.assert_array_equal(read_bytes(data, ".tif").values, turned.astype(np.uint16) * 257)


def test_palettes_transparency_and_cmyk():
    colours = Image.fromarray(noise(9, 8, 3)).quantize(7)
    rgb = np.asarray(colours.convert("RGB"))
    np.testing.assert_array_equal(read_bytes(saved(colours, "GIF"), ".gif").values, rgb)
    np.testing.assert_array_equal(read_bytes(saved(colours, "BMP"), ".bmp").values, rgb)
    np.testing.assert_array_equal(read_bytes(saved(colours, "TIFF"), ".tif").values, rgb)
    clear = read_bytes(saved(colours, "GIF", transparency=2), ".gif").values
    np.testing.assert_array_equal(clear[..., 3], np.where(np.asarray(colours) == 2, 0, 255))
    bits = np.asarray(Image.fromarray(noise(9, 8)).convert("1"))
    np.testing.assert_array_equal(read_bytes(saved(Image.fromarray(bits), "TIFF"), ".tif").values[..., 0], bits * 255)
    grey = Image.new("CMYK", (8, 8), (0, 0, 0, 128))
    values = read_bytes(saved(grey, "JPEG"), ".jpg").values
    assert values.shape == (8, 8, 3) and np.abs(values.astype(int) - 127).max() < 4


def test_the_first_frame_of_many():
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "lime")]
    for kind in ("GIF", "WEBP", "TIFF", "PNG"):
        options = {"lossless": True} if kind == "WEBP" else {}
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        np.testing.assert_array_equal(read_bytes(data, f".{kind.lower()}").values, np.asarray(frames[0]), err_msg=kind)


# ---- TIFF of many bits ----

TIFF_OPTIONS = [
    {},
    {"compression": "zlib"},
    {"compression": "zlib", "predictor": 2},
    {"tile": (16, 16)},
    {"tile": (16, 32), "compression": "zlib", "predictor": 2},
    {"rowsperstrip": 5},
    {"byteorder": ">"},
    {"bigtiff": True},
]


TIFF_CASES = itertools.product(["uint8", "uint16", "float16", "float32", "float64"], TIFF_OPTIONS)


@pytest.mark.parametrize(
    ("dtype", "options"),
    [(dtype, options) for dtype, options in TIFF_CASES if dtype[0] == "u" or "predictor" not in options],
)
def test_tiff_bit_for_bit(dtype, options):
    for channels in (1, 3, 4):
        values = noise(37, 21, channels, dtype=dtype)
        extra = {"photometric": "rgb", "extrasamples": ["unassalpha"] * (channels - 3)} if channels > 1 else {}
        data = tiff(values.squeeze(), **options, **extra)
        expected = values.astype(np.float32) if dtype == "float64" else values
        pixels = read_bytes(data, ".tif")
        assert pixels.values.dtype == expected.dtype and not pixels.linear
        np.testing.assert_array_equal(pixels.values, expected)


@pytest.mark.parametrize("compression", [None, "packbits", "tiff_lzw", "tiff_adobe_deflate"])
def test_16_bit_tiff_from_pillow(compression):
    values = noise(33, 21, dtype="uint16") // 1000 * 1000
    data = saved(Image.fromarray(values), "TIFF", **({"compression": compression} if compression else {}))
    np.testing.assert_array_equal(read_bytes(data, ".tif").values[..., 0], values)


def lzw(data: bytes) -> bytes:
    """TIFF's LZW: codes from 9 bits, most significant first, each width left one code early."""
    table = {bytes([i]): i for i in range(256)}
    bits, width, have = f"{256:09b}", 9, b""
    following = 258
    for byte in data:
        if have + bytes([byte]) in table:
            have += bytes([byte])
            continue
        bits += f"{table[have]:0{width}b}"
        table[have + bytes([byte])] = following
        following += 1
        width = max(width, following.bit_length())
        if following == 4094:
            bits += f"{256:0{width}b}"
            table, following, width = {bytes([i]): i for i in range(256)}, 258, 9
        have = bytes([byte])
    bits += f"{table[have]:0{width}b}"
    width = max(width, (following + 1).bit_length())
    bits += f"{257:0{width}b}"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


@pytest.mark.parametrize(
    "options", [{}, {"rowsperstrip": 7}, {"tile": (16, 16)}, {"planarconfig": "separate"}, {"byteorder": ">"}], ids=str
)
def test_lzw_of_16_bits_and_floats(options):
    for dtype in ("uint16", "float32"):
        values = noise(30, 22, 3, dtype=dtype) if dtype == "uint16" else np.round(noise(30, 22, 3, dtype=dtype), 1)
        stored = np.moveaxis(values, -1, 0) if "planarconfig" in options else values
        with tifffile.TiffFile(io.BytesIO(tiff(stored, photometric="rgb", **options))) as plain:
            page = plain.pages[0]
            segments = list(zip(page.dataoffsets, page.databytecounts, strict=True))
            data = plain.filehandle._fh.getvalue()  # type: ignore[attr-defined]
        coded = [lzw(data[start : start + count]) for start, count in segments]
        stream = io.BytesIO(data + b"".join(coded))
        with tifffile.TiffFile(stream, mode="r+") as file:
            tags = file.pages[0].tags  # type: ignore[union-attr]
            prefix = "Tile" if "tile" in options else "Strip"
            starts = len(data) + np.cumsum([0] + [len(part) for part in coded[:-1]])
            tags[f"{prefix}Offsets"].overwrite(starts.tolist())
            tags[f"{prefix}ByteCounts"].overwrite([len(part) for part in coded])
            tags["Compression"].overwrite(5)
            whole = stream.getvalue()
        np.testing.assert_array_equal(read_bytes(whole, ".tif").values, values)


def test_tiff_with_other_kinds_of_alpha_and_white_as_zero():
    values = noise(5, 4, 4, dtype="uint16")
    data = tiff(values, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(read_bytes(data, ".tif").values, values[..., :3])
    colours = np.array([[[40000, 20000, 0]]], np.uint16)
    data = tiff(np.array([[[20000, 10000, 0, 32768]]], np.uint16), photometric="rgb", extrasamples=["assocalpha"])
    straight = read_bytes(data, ".tif").values
    assert np.abs(straight[..., :3].astype(int) - colours).max() <= 1 and straight[0, 0, 3] == 32768
    data = tiff(values[..., 0], photometric="miniswhite")
    np.testing.assert_array_equal(read_bytes(data, ".tif").values, 65535 - values[..., :1])


def test_signed_bytes_are_not_taken_for_unsigned():
    with refused("8-bit samples are not unsigned"):
        read_bytes(tiff(np.array([[-1, 1]], np.int8)), ".tif")


def test_compressed_bytes_of_reversed_bits_are_refused():
    data = tiff(noise(16, 16, dtype="uint16"), compression="zlib", extratags=[(65000, "H", 1, 2, True)])
    with refused("FillOrder 2"):
        read_bytes(data.replace(struct.pack("<H", 65000), struct.pack("<H", 266)), ".tif")


@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"rowsperstrip": 5}], ids=str)
def test_a_tiff_segment_ends_where_its_pixels_end(options):
    values = noise(16, 16, dtype="uint16")
    data = tiff(values, compression="zlib", **options)
    with tifffile.TiffFile(io.BytesIO(data + zlib.compress(bytes(10**6))), mode="r+") as file:
        tags = file.pages[0].tags  # type: ignore[union-attr]
        name = "Tile" if "tile" in options else "Strip"
        starts, counts = (list(tags[name + kind].value) for kind in ("Offsets", "ByteCounts"))
        starts[-1], counts[-1] = len(data), len(zlib.compress(bytes(10**6)))
        tags[f"{name}Offsets"].overwrite(starts)
        tags[f"{name}ByteCounts"].overwrite(counts)
        bomb = file.filehandle._fh.getvalue()  # type: ignore[attr-defined]
    with refused("inflates to more than its", kind=FileFormatError):
        read_bytes(bomb, ".tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiff_tiles_are_bounded_like_the_picture(compression):
    data = tiff(noise(16, 16, dtype="uint16"), tile=(16, 16), compression=compression)
    with tifffile.TiffFile(io.BytesIO(data), mode="r+") as file:
        for tag in ("TileWidth", "TileLength"):
            file.pages[0].tags[tag].overwrite(60000)  # type: ignore[union-attr]
        data = file.filehandle._fh.getvalue()  # type: ignore[attr-defined]
    with refused("decodes to 7200000000 bytes"):
        read_bytes(data, ".tif")


# ---- linear light ----


def test_a_faint_alpha_does_not_blow_colours_up():
    alpha = np.array([[6e-8, 9e-5, 2e-4]], np.float16)
    colour = np.full((1, 3), 1e-3, np.float16)
    values = read_bytes(exr({"R": colour, "G": colour, "B": colour, "A": alpha}), ".exr").values
    np.testing.assert_array_equal(values[..., 3], alpha)
    np.testing.assert_allclose(values[0, :, 0], [1e-3, 1e-3, 5], rtol=1e-2)
    stacked = np.stack([colour, colour, colour, alpha], axis=-1).astype(np.float32)
    data = tiff(stacked, photometric="rgb", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(read_bytes(data, ".tif").values[0, :2], stacked[0, :2])


def exr_parts(*sizes: tuple[int, int]) -> bytes:
    """A file with a part of each height and width."""
    windows = {size: (np.zeros(2, np.int32), np.array(size[::-1], np.int32) - 1) for size in sizes}
    common = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, "displayWindow": windows[sizes[0]]}
    parts = [
        OpenEXR.Part({**common, "dataWindow": windows[size]}, {"Y": np.ones(size, np.float32)}, f"part {index}")
        for index, size in enumerate(sizes)
    ]
    stream = io.BytesIO()
    OpenEXR.File(parts).write(stream)
    return stream.getvalue()


def test_all_parts_and_channels_of_an_exr_count(monkeypatch):
    monkeypatch.setattr("neuralfields.files.pixels.MAX_BYTES", 4 * 1000)
    assert read_bytes(exr_parts((4, 5), (20, 30)), ".exr").values.shape == (4, 5, 1)
    with refused("decodes to 4880 bytes"):
        read_bytes(exr_parts((4, 5), (30, 40)), ".exr")
    plane = noise(10, 10, dtype="float32")
    many = {f"extra{index}": plane for index in range(60)}
    with refused("decodes to 25200 bytes"):
        read_bytes(exr({"R": plane, "G": plane, "B": plane, **many}), ".exr")


def test_exr_layouts():
    red, green, blue, depth = (noise(5, 7, dtype="float32", seed=seed) * 50 for seed in range(4))
    opaque = np.ones_like(red)
    pixels = read_bytes(exr({"R": red, "G": green, "B": blue, "A": opaque, "Z": depth}), ".exr")
    assert pixels.linear
    np.testing.assert_array_equal(pixels.values, np.stack([red, green, blue, opaque], -1))
    half = red.astype(np.float16)
    np.testing.assert_array_equal(read_bytes(exr({"Y": half}), ".exr").values, half[..., None])
    assert read_bytes(exr({"distance": half}), ".exr").values.dtype == np.float16
    window = (np.array([3, -2], np.int32), np.array([9, 2], np.int32))
    cut = exr({"Y": red}, dataWindow=window, displayWindow=(np.array([0, 0], np.int32), np.array([99, 99], np.int32)))
    np.testing.assert_array_equal(read_bytes(cut, ".exr").values, red[..., None])


def test_exr_alpha_becomes_straight_and_back(tmp_path):
    alpha = np.array([[0.25, 1, 0, 0.5]], np.float32)
    colour = np.array([[1, 3, 7, 100]], np.float32)
    pixels = read_bytes(exr({"R": colour, "G": colour, "B": colour, "A": alpha}), ".exr")
    np.testing.assert_array_equal(pixels.values[0, :, 0], [4, 3, 7, 200])  # under alpha 0 the light itself
    np.testing.assert_array_equal(pixels.values[..., 3], alpha)
    for dtype, tolerance in [("float16", 1e-3), ("float32", 1e-6)]:
        values = noise(9, 8, 4, dtype=dtype) * np.array(3, dtype) + np.array(0.1, dtype)
        write_image(tmp_path / "a.exr", values)
        np.testing.assert_allclose(read_image(tmp_path / "a.exr").values, values, rtol=tolerance)
        stored = OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True).channels()
        assert stored["R"].pixels.dtype == dtype
        np.testing.assert_allclose(stored["R"].pixels, values[..., 0] * values[..., 3], rtol=tolerance)


def rgbe(red: float, green: float, blue: float) -> bytes:
    """One pixel, in plain Python."""
    exponent = 0
    while max(red, green, blue) >= 2**exponent:
        exponent += 1
    while max(red, green, blue) < 2 ** (exponent - 1):
        exponent -= 1
    return bytes([int(value * 256 / 2**exponent) for value in (red, green, blue)] + [exponent + 128])


HDR_PIXELS = [[(1.0, 0.5, 0.25), (300.0, 2.0, 4.0)], [(0.001953125, 0, 0), (8, 8, 8)], [(0.75, 0.75, 3), (96, 0, 1)]]


@pytest.mark.parametrize(
    ("line", "turn"),
    [
        ("-Y 3 +X 2", lambda a: a),
        ("+Y 3 +X 2", lambda a: a[::-1]),
        ("-Y 3 -X 2", lambda a: a[:, ::-1]),
        ("+X 3 -Y 2", lambda a: a.swapaxes(0, 1)),
        ("-X 3 +Y 2", lambda a: a.swapaxes(0, 1)[::-1, ::-1]),
    ],
)
def test_flat_radiance_pictures(line, turn):
    body = b"".join(rgbe(*pixel) for row in HDR_PIXELS for pixel in row)
    pixels = read_bytes(
        b"#?RADIANCE\n# note\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\n\n" + line.encode() + b"\n" + body, ".hdr"
    )
    expected = np.array(
        [
            [[int(v * 256 / 2 ** (rgbe(*p)[3] - 128)) * 2.0 ** (rgbe(*p)[3] - 136) for v in p] for p in row]
            for row in HDR_PIXELS
        ]
    )
    assert pixels.linear and pixels.values.dtype == np.float32
    np.testing.assert_array_equal(pixels.values, turn(expected))
    np.testing.assert_allclose(pixels.values[turn(np.ones((3, 2)))[:, :] > 0].max(), 300, rtol=1e-2)


def test_run_length_coded_radiance_pictures():
    plane = bytes([128 + 5, 77, 3, 1, 2, 3, 128 + 2, 9])  # five 77, then 1 2 3, then two 9
    rows = (b"\2\2\0\x0a" + plane * 3 + bytes([128 + 10, 136])) * 2
    values = read_bytes(b"#?RGBE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2 +X 10\n" + rows, ".hdr").values
    np.testing.assert_array_equal(
        values, np.broadcast_to(np.array([77] * 5 + [1, 2, 3, 9, 9])[None, :, None], (2, 10, 3))
    )


@settings(max_examples=30, deadline=None, database=None)
@given(st.sampled_from([1, 7, 8, 127, 128, 129, 300]), st.integers(-30, 30), st.integers(0, 2**32))
def test_radiance_round_trip(width, power, seed):
    values = noise(3, width, 3, dtype="float32", seed=seed) * np.float32(2.0**power)
    values[0, 0] = 0
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder) / "a.hdr", values)
        back = read_image(Path(folder) / "a.hdr").values
        assert (np.abs(back - values) <= values.max(axis=-1, keepdims=True) / 256).all()
        write_image(Path(folder) / "b.hdr", back)
        assert (Path(folder) / "a.hdr").read_bytes() == (Path(folder) / "b.hdr").read_bytes()


def test_radiance_mantissa_does_not_overflow(tmp_path):
    write_image(tmp_path / "a.hdr", np.full((1, 1, 3), 0.9999, np.float32))
    np.testing.assert_array_equal(read_image(tmp_path / "a.hdr").values, 255 / 256)


# ---- arrays ----


def test_arrays():
    values = noise(6, 5, 3, dtype="float64")
    pixels = read_bytes(npy(values), ".npy")
    assert pixels.values.dtype == np.float32 and not pixels.linear
    np.testing.assert_array_equal(pixels.values, values.astype(np.float32))
    assert read_bytes(npy(values * 1.5), ".npy").linear and read_bytes(npy(values - 0.5), ".npy").linear
    np.testing.assert_array_equal(
        read_bytes(npy(np.asfortranarray(values[..., 0])), ".npy").values[..., 0], pixels.values[..., 0]
    )
    swapped = read_bytes(npy(noise(6, 5, dtype="uint16").astype(">u2")), ".npy").values
    assert swapped.dtype.isnative
    np.testing.assert_array_equal(swapped[..., 0], noise(6, 5, dtype="uint16"))
    for arrays in ({"anything": values}, {"rgb": values, "depth": values[..., 0]}, {"mask": values, "image": values}):
        np.testing.assert_array_equal(read_bytes(npz(**arrays), ".npz").values, pixels.values)


# ---- real pictures ----


@pytest.mark.parametrize("name", ["albert", "StillLife"])
def test_real_exr_equals_its_array(name, data):
    folder = data / "images" / "hdr"
    pixels, array = read_image(folder / f"{name}.exr"), read_image(folder / f"{name}.npz")
    stored = np.load(folder / f"{name}.npz")["rgb"]
    assert pixels.linear and pixels.values.dtype == stored.dtype
    np.testing.assert_array_equal(array.values, stored)
    np.testing.assert_array_equal(pixels.values[..., : stored.shape[-1]], stored)
    assert pixels.values.shape[-1] == 4 and (pixels.values[..., 3] == 1).all()


def test_real_photos(data):
    assert read_image(data / "images" / "large" / "earth_day.jpg").values.shape == (2700, 5400, 3)
    photo = data / "images" / "kodak" / "kodim23.png"
    np.testing.assert_array_equal(read_image(photo).values, np.asarray(Image.open(photo)))


# ---- whole or refused ----


def examples() -> dict[str, bytes]:
    rgb, wide, light = noise(20, 16, 3), noise(20, 16, 3, dtype="uint16"), noise(20, 16, 3, dtype="float32")
    picture = Image.fromarray(rgb)
    planes = {name: np.ascontiguousarray(light[..., i]) for i, name in enumerate("RGB")}
    with tempfile.TemporaryDirectory() as folder:
        write_image(Path(folder) / "a.hdr", light)
        radiance = (Path(folder) / "a.hdr").read_bytes()
    return {
        "8.png": saved(picture, "PNG"),
        "16.png": png(wide, 16, 2),
        "a.jpg": saved(picture, "JPEG"),
        "progressive.jpg": saved(picture, "JPEG", progressive=True),
        "lossy.webp": saved(picture, "WEBP"),
        "lossless.webp": saved(picture, "WEBP", lossless=True),
        "8.tif": saved(picture, "TIFF"),
        "8lzw.tif": saved(picture, "TIFF", compression="tiff_lzw"),
        "16.tif": tiff(wide, photometric="rgb"),
        "16deflate.tif": tiff(wide, photometric="rgb", compression="zlib", rowsperstrip=4),
        "a.bmp": saved(picture, "BMP"),
        "a.gif": saved(picture.quantize(), "GIF"),
        "zip.exr": exr(planes),
        "piz.exr": exr(planes, compression=OpenEXR.PIZ_COMPRESSION),
        "raw.exr": exr(planes, compression=OpenEXR.NO_COMPRESSION),
        "a.hdr": radiance,
        "a.npy": npy(light),
        "a.npz": npz(rgb=light),
    }


@pytest.mark.parametrize("name", examples())
def test_a_truncated_file_is_never_passed_off_as_whole(tmp_path, name, capsys):
    data = examples()[name]
    path = tmp_path / name
    path.write_bytes(data)
    whole = read_image(path).values
    last = 2 if name == "a.gif" else 0  # its last bytes are marks behind the pixels
    for size in sorted({1, 8, 20, *range(30, len(data), 97), *(len(data) - i for i in (40, 8, 5, 3, 2, 1))}):
        path.write_bytes(data[:size])
        if size < len(data) - last:
            with refused(f"cannot read {path}", kind=FileFormatError):
                read_image(path)
        else:
            np.testing.assert_array_equal(read_image(path).values, whole)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["8.png", "16.png"])
def test_no_changed_bit_of_a_png_goes_unseen(name):
    data = examples()[name]
    for at in range(8, len(data), 53):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        with refused(kind=FileFormatError):
            read_bytes(bytes(damaged), ".png")


def test_checksum():
    data = bytearray(png(noise(3, 3, 3, dtype="uint16"), 16, 2))
    data[-20] ^= 1
    with refused("checksum", "IDAT", kind=FileFormatError):
        read_bytes(bytes(data), ".png")


GREY = noise(4, 4, 1, dtype="uint16")
BAD_PNG = {
    "0x4": (png(GREY, 16, 0, size=(0, 4)), "0x4", FileFormatError),
    "60000x60000": (png(GREY, 16, 0, size=(60000, 60000)), "60000x60000", InputError),
    "too little": (png(GREY, 16, 0, raw=bytes(35)), "36 bytes", FileFormatError),
    "too much": (png(GREY, 16, 0, raw=bytes(10**6)), "36 bytes", FileFormatError),
    "filter": (png(GREY, 16, 0, raw=(b"\5" + bytes(8)) * 4), "row filter 5", FileFormatError),
    "depth": (
        png(noise(4, 4, 3), 8, 2).replace(
            chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)),
            chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 4, 2, 0, 0, 0)),
        ),
        "header",
        FileFormatError,
    ),
    "no palette": (png(noise(4, 4, 1) | 1, 8, 3), "palette of 0", FileFormatError),
    "outside the palette": (
        png(noise(4, 4, 1) | 1, 8, 3, extra=chunk(b"PLTE", bytes(3))),
        "palette of 1",
        FileFormatError,
    ),
    "short tRNS": (png(GREY, 16, 0, extra=chunk(b"tRNS", b"\0")), "tRNS", FileFormatError),
    "critical chunk": (png(GREY, 16, 0, extra=chunk(b"CgBI", bytes(4))), "CgBI", FileFormatError),
    "no header": (b"\x89PNG\r\n\x1a\n" + chunk(b"IEND", b""), "header", FileFormatError),
}


@pytest.mark.parametrize("name", BAD_PNG)
def test_png_that_contradicts_itself(name):
    data, words, kind = BAD_PNG[name]
    with refused(words, "picture.png (PNG)", kind=kind):
        read_bytes(data, ".png")


def test_huge_headers_are_refused_before_decoding():
    bmp = bytearray(saved(Image.new("RGB", (4, 4)), "BMP"))
    bmp[18:26] = struct.pack("<ii", 60000, 60000)
    jpeg = bytearray(saved(Image.new("RGB", (4, 4)), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = struct.pack(">HH", 60000, 60000)
    gif = bytearray(saved(Image.new("P", (4, 4)), "GIF"))
    gif[6:10] = struct.pack("<HH", 60000, 60000)
    wide = tiff(np.zeros((4, 4), np.uint16))
    with tifffile.TiffFile(io.BytesIO(wide), mode="r+") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(60000)  # type: ignore[union-attr]
        wide = file.filehandle._fh.getvalue()  # type: ignore[attr-defined]
    window = {
        name: (np.array([0, 0], np.int32), np.array([59999, 59999], np.int32))
        for name in ("dataWindow", "displayWindow")
    }
    picture = exr({"Y": np.zeros((4, 4), np.float32)})
    for word in window:
        at = picture.index(word.encode()) + len(word) + 1 + len(b"box2i\0") + 4
        picture = picture[: at + 8] + struct.pack("<ii", 59999, 59999) + picture[at + 16 :]
    array = npy(np.zeros((4, 4), np.uint8)).replace(b"(4, 4), }        ", b"(60000, 60000), }")
    hdr = b"#?RADIANCE\n\n-Y 60000 +X 60000\n"
    cases = {".bmp": bmp, ".jpg": jpeg, ".gif": gif, ".tif": wide, ".exr": picture, ".npy": array, ".hdr": hdr}
    for suffix, data in cases.items():
        with refused("60000x60000 pixels", "at most 268435456"):
            read_bytes(bytes(data), suffix)


def test_the_bytes_of_a_picture_are_bounded_too(monkeypatch):
    array = npy(np.zeros((4, 4, 4))).replace(b"(4, 4, 4), }            ", b"(16384, 16000, 4), }    ")
    hdr = b"#?RADIANCE\n\n-Y 16000 +X 16000\n"
    for suffix, data in {".npy": array, ".hdr": hdr}.items():
        with refused("decodes to", "at most 2147483648"):
            read_bytes(data, suffix)
    monkeypatch.setattr("neuralfields.files.pixels.MAX_BYTES", 8 * 100)
    rgb, wide = Image.fromarray(noise(16, 17, 3)), noise(10, 11, 4, dtype="uint16")
    cases = {".png": png(wide, 16, 6), ".tif": tiff(wide, photometric="rgb"), ".bmp": saved(rgb, "BMP")}
    cases |= {".ppm": saved(rgb, "PPM"), ".npz": npz(image=wide)}
    for suffix, data in cases.items():
        with refused("decodes to", "at most 800"):
            read_bytes(data, suffix)
    np.testing.assert_array_equal(read_bytes(png(wide[:, 1:], 16, 6), ".png").values, wide[:, 1:])


def test_an_array_is_read_in_pieces(monkeypatch):
    monkeypatch.setattr("neuralfields.files.arrays._PIECE", 7)
    values = noise(6, 5, 3, dtype="float64")
    for data, suffix in ((npy(values), ".npy"), (npz(image=np.asfortranarray(values)), ".npz")):
        np.testing.assert_array_equal(read_bytes(data, suffix).values, values.astype(np.float32))
    with refused("it is truncated: its header promises 720 bytes", kind=FileFormatError):
        read_bytes(npy(values)[:-8], ".npy")


def test_large_pictures_need_no_warning_and_pillow_keeps_its_limit(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    data = saved(Image.fromarray(noise(16, 16, 3)), "BMP")
    failures = []

    def read() -> None:
        try:
            np.testing.assert_array_equal(read_bytes(data, ".bmp").values, noise(16, 16, 3))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and Image.MAX_IMAGE_PIXELS == 10 and warnings.filters[0][0] == "error"


# ---- one clear line ----


def test_no_such_file_folder_empty_text(tmp_path):
    with refused(f"cannot read {tmp_path / 'none.png'}", "no such file"):
        read_image(tmp_path / "none.png")
    (tmp_path / "folder.png").mkdir()
    with refused("folder.png", "is a folder"):
        read_image(tmp_path / "folder.png")
    (tmp_path / "empty.png").touch()
    with refused("empty.png", "is empty", kind=FileFormatError):
        read_image(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("hello\nworld")
    with refused("text.png", "no picture", r"b'hello\nworld'", kind=FileFormatError):
        read_image(tmp_path / "text.png")
    os.mkfifo(tmp_path / "pipe.png")
    with refused("pipe.png", "not a picture file"):
        read_image(tmp_path / "pipe.png")
    with refused("File name too long"):
        read_image(tmp_path / f"{'a' * 260}.png")


def test_unknown_suffixes_list_the_known_ones(tmp_path):
    (tmp_path / "a.heic").write_bytes(b"x")
    with refused("a.heic", "'.heic'", *IMAGE_SUFFIXES):
        read_image(tmp_path / "a.heic")
    with refused("a.gif", "'.gif'", *WRITABLE_SUFFIXES):
        write_image(tmp_path / "a.gif", noise(2, 2, 3))
    assert WRITABLE_SUFFIXES < IMAGE_SUFFIXES and not (tmp_path / "a.gif").exists()


def test_not_finite(tmp_path):
    values = noise(1024, 1024, 3, dtype="float32")
    values[700, 300, 1] = np.nan
    values[700, 301, 0] = np.inf
    values[900, 0] = -np.inf
    with refused("3 of 1048576 pixels are not finite, the first at (x=300, y=700)", ".npy"):
        read_bytes(npy(values), ".npy")
    with refused("a.png", "3 of 1048576 pixels are not finite, the first at (x=300, y=700)"):
        write_image(tmp_path / "a.png", values)
    bad = np.full((3, 3), np.inf, np.float32)
    with refused("9 of 9 pixels"):
        read_bytes(exr({"Y": bad}), ".exr")
    with refused("9 of 9 pixels"):
        read_bytes(tiff(bad), ".tif")
    assert not list(tmp_path.iterdir())


BAD_ARRAYS = {
    "bool": (npy(np.ones((2, 2), bool)), "bool", InputError),
    "int64": (npy(np.ones((2, 2), np.int64)), "int64: uint8", InputError),
    "complex": (npy(np.ones((2, 2), complex)), "complex128", InputError),
    "object": (npy(np.array([[None]])), "object", InputError),
    "4-d": (npy(np.ones((1, 2, 2, 3))), "[1, 2, 2, 3]", InputError),
    "channels first": (npy(np.ones((3, 20, 30))), "[3, 20, 30]", InputError),
    "no pixels": (npy(np.ones((0, 4))), "4x0", FileFormatError),
    "claims": (npy(np.ones((4, 4))).replace(b"(4, 4), }    ", b"(4000, 4000), }")[:-2], "", FileFormatError),
    "two arrays": (npz(left=np.ones((2, 2)), right=np.ones((2, 2))), "left, right", InputError),
    "both names": (npz(rgb=np.ones((2, 2)), image=np.ones((2, 2))), "rgb, image", InputError),
    "no arrays": (npz(), "(none)", InputError),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_are_no_picture(name):
    data, words, kind = BAD_ARRAYS[name]
    with refused(words, kind=kind):
        read_bytes(data, ".npz" if data[:2] == b"PK" else ".npy")


def test_a_zip_that_holds_no_array():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with refused("(NPZ)", kind=FileFormatError):
        read_bytes(stream.getvalue(), ".npz")


def test_pictures_of_kinds_that_are_not_read():
    plane = noise(4, 4, dtype="float32")
    with refused("X, Y1", "R, G, B[, A]"):
        read_bytes(exr({"X": plane, "Y1": plane}), ".exr")
    with refused("not all 4x4 floats"):
        read_bytes(exr({"id": noise(4, 4).astype(np.uint32)}), ".exr")
    with refused("int32"):
        read_bytes(tiff(np.zeros((4, 4), np.int32)), ".tif")
    with refused("5 samples per pixel"):
        read_bytes(tiff(np.zeros((4, 4, 5), np.uint16), photometric="minisblack", planarconfig="contig"), ".tif")
    with tifffile.TiffFile(io.BytesIO(tiff(np.zeros((4, 4), np.uint16), compression="zlib")), mode="r+") as file:
        file.pages[0].tags["Compression"].overwrite(50000)  # type: ignore[union-attr]
        zstd = file.filehandle._fh.getvalue()  # type: ignore[attr-defined]
    with refused("ZSTD", "LZW, deflate, PackBits"):
        read_bytes(zstd, ".tif")
    header = b"#?RADIANCE\nFORMAT=32-bit_rle_%s\n\n%s\n"
    with refused("XYZ"):
        read_bytes(header % (b"xyze", b"-Y 1 +X 1") + bytes(4), ".hdr")
    with refused("before 1991"):
        read_bytes(header % (b"rgbe", b"-Y 1 +X 2") + b"\x08\x08\x08\x80\1\1\1\1", ".hdr")
    with refused("axis twice", kind=FileFormatError):
        read_bytes(header % (b"rgbe", b"-Y 1 +Y 2") + bytes(8), ".hdr")
    with refused("resolution line", kind=FileFormatError):
        read_bytes(header % (b"rgbe", b"") + bytes(8), ".hdr")
    row = b"\2\2\0\x0a" + bytes([128 + 11, 7]) * 4
    with refused("end of its row", kind=FileFormatError):
        read_bytes(header % (b"rgbe", b"-Y 1 +X 10") + row, ".hdr")


BAD_WRITES = [
    (".jpg", noise(2, 2, 3, dtype="float32"), 16, "bits=16"),
    (".png", noise(2, 2, 3, dtype="float32"), 32, "bits=32, it holds 8 or 16"),
    (".exr", noise(2, 2, 3, dtype="float32"), 8, "bits=8, it holds 16 or 32"),
    (".png", noise(2, 2, 3, dtype="uint16"), 8, "uint16 and written as it is"),
    (".jpg", noise(2, 2, 3, dtype="uint16"), None, "cannot hold uint16"),
    (".exr", noise(2, 2, 3), None, "cannot hold uint8"),
    (".png", np.ones((2, 2, 3), bool), None, "cannot hold bool"),
    (".png", np.ones((2, 2, 3), np.int64), None, "cannot hold int64"),
    (".png", noise(2, 2), None, "the array is [2, 2]"),
    (".png", noise(2, 2, 5), None, "[height, width, 1|2|3|4]"),
    (".png", noise(0, 2, 3), None, "[0, 2, 3]"),
    (".jpg", noise(2, 2, 4), None, "[height, width, 1|3]"),
    (".webp", noise(1, 20000, 3), None, "20000x1"),
    (".hdr", noise(2, 2, 3, dtype="float32") - 1, None, "negative"),
    (".hdr", np.full((2, 2, 3), 3e38, np.float32), None, "1.7e38"),
    (".exr", np.full((2, 2, 3), 1e6), 16, "1e+06 do not fit float16"),
    (".exr", np.full((2, 2, 3), 1e300), None, "1e+300 do not fit float32"),
]


@pytest.mark.parametrize(("suffix", "values", "bits", "words"), BAD_WRITES, ids=[case[3] for case in BAD_WRITES])
def test_what_a_format_cannot_hold_is_refused(tmp_path, suffix, values, bits, words):
    path = tmp_path / f"a{suffix}"
    with refused(f"cannot write {path}: ", words):
        write_image(path, values, bits=bits)
    assert not list(tmp_path.iterdir())


def test_folders_that_cannot_be_written_to(tmp_path):
    with refused(f"cannot write {tmp_path / 'none' / 'a.png'}", "there is no folder"):
        write_image(tmp_path / "none" / "a.png", noise(2, 2, 3))
    (tmp_path / "file").touch()
    with refused("there is no folder"):
        write_image(tmp_path / "file" / "a.exr", noise(2, 2, 3, dtype="float32"))
    (tmp_path / "a.png").mkdir()
    with refused(f"cannot write {tmp_path / 'a.png'}"):
        write_image(tmp_path / "a.png", noise(2, 2, 3))
