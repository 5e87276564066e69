"""Formats that come through imageio: exact values, and no silent loss of bits."""

import io

import numpy as np
import pytest
from PIL import Image

from neuralfields.errors import FileFormatError, InputError
from neuralfields.files.images import read_image

COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(("suffix", "kind"), [(".ppm", "PPM"), (".qoi", "QOI"), (".dds", "DDS")])
def test_colours_are_exact(tmp_path, suffix, kind):
    path = tmp_path / f"picture{suffix}"
    Image.fromarray(COLOURS).save(path, kind)
    assert np.array_equal(read_image(path).values, COLOURS)


def test_ascii_bitmap_and_comment(tmp_path):
    path = tmp_path / "picture.pbm"
    path.write_bytes(b"P1\n# made by hand\n3 2\n0 1 0\n1 1 0\n")
    assert read_image(path).values[..., 0].tolist() == [[255, 0, 255], [0, 0, 255]]


def test_grey_of_16_bits_is_exact(tmp_path):
    grey = np.random.default_rng(1).integers(0, 65536, (5, 7), dtype=np.uint16)
    path = tmp_path / "picture.pgm"
    path.write_bytes(b"P5 7 5 65535\n" + grey.astype(">u2").tobytes())
    read = read_image(path).values
    assert read.dtype == np.uint16
    assert np.array_equal(read[..., 0], grey)


@pytest.mark.parametrize("header", [b"P6 7 5 65535\n", b"P6\n# note\n7 5\n1023\n"])
def test_colours_of_16_bits_are_refused(tmp_path, header):
    path = tmp_path / "picture.ppm"
    path.write_bytes(header + bytes(7 * 5 * 3 * 2))
    with pytest.raises(InputError, match=r"picture.ppm.*at most 255 work: save it as 16-bit PNG"):
        read_image(path)


def test_truncated(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(COLOURS).save(stream, "PPM")
    path = tmp_path / "picture.ppm"
    path.write_bytes(stream.getvalue()[:-20])
    with pytest.raises(FileFormatError, match=r"picture.ppm \(PNM\): it is damaged or truncated"):
        read_image(path)


def test_a_header_of_spaces_is_refused_at_once(tmp_path):
    path = tmp_path / "picture.ppm"
    for filler in (b" ", b"\n", b"#\n", b"# ", b"1"):
        path.write_bytes(b"P6 " + filler * 2**20 + b"x")
        with pytest.raises(FileFormatError, match=r"picture.ppm \(PNM\)"):
            read_image(path)


def test_comments_do_not_hide_16_bit_colours(tmp_path):
    path = tmp_path / "picture.ppm"
    path.write_bytes(b"P6 # a\n # b\n7 # c\n\n5#d\n1023\n" + bytes(7 * 5 * 3 * 2))
    with pytest.raises(InputError, match="go up to 1023"):
        read_image(path)


@pytest.mark.filterwarnings("error")
def test_only_our_limit_counts(tmp_path, monkeypatch):
    path = tmp_path / "picture.pgm"
    for pillows in (4, 20):  # Pillow would refuse 35 pixels, or warn
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pillows)
        path.write_bytes(b"P5 7 5 255\n" + bytes(35))
        assert read_image(path).values.shape == (5, 7, 1)
        assert pillows == Image.MAX_IMAGE_PIXELS
    path.write_bytes(b"P5 60000 60000 255\n")
    with pytest.raises(InputError, match="60000x60000 pixels, and at most 268435456"):
        read_image(path)
