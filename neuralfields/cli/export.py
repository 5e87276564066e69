"""``nf export``: a field as a picture."""

from collections.abc import Sequence
from pathlib import Path

from neuralfields.cli.parser import Parser, crop, importing, needs, size, using

_EPILOG = """examples:
  nf export runs/photo out.png                               as large as the source
  nf export runs/photo out.png --size 3072x2048 --bits 16    any size: the field is evaluated, not enlarged
  nf export runs/photo eye.png --crop 120,80,220,160 --size 1000x800
"""


def main(words: Sequence[str]) -> int:
    p = Parser("export", "Write a field as a picture; the suffix decides the format.", _EPILOG)
    p.add_argument("path", type=Path, metavar="RUN", help="run folder or .nf file")
    p.add_argument("out", type=Path, metavar="OUT", help=".png .tif .jpg .webp .exr .hdr .npy .npz")
    p.add_argument("--size", type=size, metavar="WxH", help="in pixels (default: the source's, or the crop's)")
    p.add_argument("--crop", type=crop, metavar="L,T,R,B", help="part of the image, in pixels of the source")
    p.add_argument("--bits", type=int, choices=(8, 16, 32), help="per channel, as the format allows")
    p.add_backend()
    p.add_trust()
    options = p.read(words)
    with importing():
        from neuralfields.cli.opening import is_source, open_field
        from neuralfields.files.images import WRITABLE_SUFFIXES
        from neuralfields.storage.export import export_image

    known = " ".join(sorted(WRITABLE_SUFFIXES))
    needs(
        options.out.suffix.lower() in WRITABLE_SUFFIXES,
        f"cannot export to {options.out}: the suffix is one of {known}, and the order is nf export RUN OUT",
    )
    needs(options.out.parent.is_dir(), f"cannot export to {options.out}: there is no folder {options.out.parent}")
    field, _ = open_field(options.path, tuple(options.trust))
    needs(not is_source(options.path, options.out), f"{options.out} is what the run was fitted to: choose another name")
    with using(options.backend):
        width, height = export_image(field, options.out, size=options.size, crop=options.crop, bits=options.bits)
    print(f"{options.out}: {width}x{height}, {field.out_dim} channels, {options.out.stat().st_size / 1e6:.2f} MB")
    return 0
