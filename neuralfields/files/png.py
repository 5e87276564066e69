"""PNG, every colour type and depth, bit for bit (Pillow reduces 16-bit colours to 8 bits).

Source: Portable Network Graphics, third edition, W3C. Decoding inflates to the exact size that the header implies,
so a small file cannot grow without bound.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from neuralfields.errors import FileFormatError
from neuralfields.files.pixels import check_size, upright

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # colour type: samples per pixel
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels: colour type
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # bytes per pixel: Pillow's mode
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))  # x y dx dy


class _Header(NamedTuple):
    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlace: int


def decode(data: bytes) -> np.ndarray:
    """Give the picture [height, width, channels], uint8 or uint16, upright, from a PNG file's bytes.

    Palettes become RGB, or RGBA with a tRNS chunk; greys of 1, 2 and 4 bits spread to 0..255; a transparent
    colour (tRNS) adds an alpha channel. Gamma and colour profiles are not applied.

    Raises:
        FileFormatError: a wrong checksum, a truncated file, or anything that contradicts the header.
        InputError: more than ``MAX_PIXELS`` or ``MAX_BYTES``.
    """
    stored = _chunks(data)
    header = _header(*next(stored))
    chunks: dict[bytes, bytes] = {}
    compressed: list[bytes] = []
    for kind, content in stored:
        if kind == b"IDAT":
            compressed.append(content)
        elif kind[0] & 0x20 == 0 and kind not in (b"PLTE", b"IEND"):
            raise FileFormatError(f"it needs the unknown PNG extension {kind.decode('latin-1')!r}")
        chunks[kind] = content
    pixels = _coloured(_samples(b"".join(compressed), header), header, chunks.get(b"PLTE"), chunks.get(b"tRNS"))
    return upright(pixels, _orientation(chunks.get(b"eXIf")))


def header_size(file: BinaryIO) -> tuple[int, int]:
    """(width, height) of the upright picture, read from a file's chunks but for what they hold of pixels.

    Raises:
        FileFormatError: it does not begin as a PNG file does.
    """
    start = file.read(len(SIGNATURE) + 16)
    if len(start) < len(SIGNATURE) + 16 or not start.startswith(SIGNATURE):
        raise FileFormatError(f"it is no PNG file, it begins with {start[:12]!r}")
    width, height = struct.unpack(">II", start[-8:])
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"eXIf":  # may stand behind the pixels
            sideways = _orientation(file.read(length)) in (5, 6, 7, 8)
            return (height, width) if sideways else (width, height)
        file.seek(length + 4, 1)
    return width, height


def encode(values: np.ndarray) -> bytes:
    """Give a PNG file's bytes for ``values`` [height, width, 1..4], uint8 or uint16."""
    height, width, channels = values.shape
    rows = values.astype(values.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    step = channels * values.dtype.itemsize
    up, sub = rows.copy(), rows.copy()
    up[1:] -= rows[:-1]
    sub[:, step:] -= rows[:, :-step]
    # per row the filter whose differences are smallest as signed numbers: they compress best
    choices = {0: rows, 1: sub, 2: up}
    costs = [np.abs(rows.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for rows in choices.values()]
    kinds = np.argmin(costs, axis=0).astype(np.uint8)[:, None]
    filtered = np.concatenate([kinds, np.select([kinds == kind for kind in choices], list(choices.values()))], axis=1)
    header = _Header(width, height, values.dtype.itemsize * 8, _COLOUR_TYPES[channels], 0, 0, 0)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *header)),
        (b"IDAT", zlib.compress(filtered.tobytes(), 6)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk up to IEND, checksums verified."""
    at, kind = len(SIGNATURE), b""
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at) if at + 8 <= len(data) else (0, b"")
        end = at + 8 + length
        if not kind or end + 4 > len(data):
            raise FileFormatError(f"it is truncated after {len(data)} bytes")
        if zlib.crc32(data[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise FileFormatError(f"the checksum of its {kind.decode('latin-1')!r} chunk at byte {at} is wrong")
        yield kind, data[at + 8 : end]
        at = end + 4


def _header(kind: bytes, content: bytes) -> _Header:
    if kind != b"IHDR" or len(content) != 13:
        raise FileFormatError("it does not begin with a PNG header")
    header = _Header(*struct.unpack(">IIBBBBB", content))
    if header.depth not in _DEPTHS.get(header.colour, ()) or any(header[4:6]) or header.interlace > 1:
        raise FileFormatError(f"its header is not valid PNG: {header[2:]}")
    channels = 4 if header.colour == 3 else _SAMPLES[header.colour]
    check_size(header.width, header.height, bytes_per_pixel=channels * (2 if header.depth == 16 else 1))
    return header


def _samples(compressed: bytes, header: _Header) -> np.ndarray:
    """The samples [height, width, samples per pixel] as stored, uint8 or uint16."""
    count, depth = _SAMPLES[header.colour], header.depth
    sizes = []
    for x, y, dx, dy in _ADAM7 if header.interlace else _WHOLE:
        width, height = -((x - header.width) // dx), -((y - header.height) // dy)
        if width > 0 and height > 0:
            sizes.append((x, y, dx, dy, width, height, 1 + -(-width * count * depth // 8)))
    total = sum(height * stride for *_, height, stride in sizes)
    inflater = zlib.decompressobj()
    raw = inflater.decompress(compressed, total + 1)
    if len(raw) != total or not inflater.eof:
        raise FileFormatError(f"its pixel data does not hold the {total} bytes that its header implies")
    out = np.empty((header.height, header.width, count), np.uint16 if depth == 16 else np.uint8)
    at = 0
    for x, y, dx, dy, width, height, stride in sizes:
        rows = np.frombuffer(raw, np.uint8, height * stride, at).reshape(height, stride)
        rows = _unfiltered(rows, max(1, count * depth // 8))
        if depth == 16:
            rows = rows.view(">u2")
        elif depth < 8:
            shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
            rows = (rows[..., None] >> shifts & (2**depth - 1)).reshape(height, -1)
        out[y::dy, x::dx] = rows[:, : width * count].reshape(height, width, count)
        at += height * stride
    return out


def _unfiltered(rows: np.ndarray, step: int) -> np.ndarray:
    """Undo the row filters: [height, 1 + n] bytes, the first of a row its filter -> [height, n].

    A filter treats each byte of a pixel on its own. So a picture of 6 or 8 bytes per pixel is two of 3 or 4 bytes
    with the same filters, and Pillow, which knows 1 to 4, does the work in C.
    """
    from PIL import Image

    filters, content = rows[:, :1], rows[:, 1:]
    if filters.max() > 4:
        raise FileFormatError(f"it uses the unknown row filter {filters.max()}")
    if not filters.any():
        return np.ascontiguousarray(content)
    height, lanes = len(rows), step // 2 if step > 4 else step
    pixels = content.reshape(height, -1, step)
    parts = []
    for first in range(0, step, lanes):
        part = np.concatenate([filters, pixels[..., first : first + lanes].reshape(height, -1)], axis=1)
        size, mode = (pixels.shape[1], height), _MODES[lanes]
        # level 0 only wraps the bytes, because Pillow's decoder expects them deflated
        picture = Image.frombytes(mode, size, zlib.compress(part.tobytes(), 0), "zip", mode, 0)
        parts.append(np.asarray(picture).reshape(height, -1, lanes))
    return np.concatenate(parts, axis=-1).reshape(height, -1)


def _coloured(samples: np.ndarray, header: _Header, palette: bytes | None, transparency: bytes | None) -> np.ndarray:
    if header.colour == 3:
        return _looked_up(samples[..., 0], palette or b"", transparency)
    top = 65535 if header.depth == 16 else 255
    alpha = None
    if transparency is not None and header.colour in (0, 2):
        if len(transparency) != 2 * samples.shape[-1]:
            raise FileFormatError(f"its transparent colour (tRNS) has {len(transparency)} bytes")
        alpha = np.where((samples == np.frombuffer(transparency, ">u2")).all(axis=-1, keepdims=True), 0, top)
    if header.depth < 8:
        samples = samples * np.uint8(255 // (2**header.depth - 1))
    return samples if alpha is None else np.concatenate([samples, alpha.astype(samples.dtype)], axis=-1)


def _looked_up(indices: np.ndarray, palette: bytes, transparency: bytes | None) -> np.ndarray:
    colours = np.frombuffer(palette[: len(palette) // 3 * 3], np.uint8).reshape(-1, 3)
    if indices.max() >= len(colours):
        raise FileFormatError(f"it uses colour {indices.max()} of a palette of {len(colours)}")
    if transparency is not None:
        alpha = np.full((len(colours), 1), 255, np.uint8)
        alpha[: len(transparency), 0] = np.frombuffer(transparency[: len(colours)], np.uint8)
        colours = np.concatenate([colours, alpha], axis=1)
    return colours[indices]


def _orientation(exif: bytes | None) -> int:
    if exif is None:
        return 1
    from PIL import Image

    tags = Image.Exif()
    tags.load(exif)
    return tags.get(0x0112, 1)
