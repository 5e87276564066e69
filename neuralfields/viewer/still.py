"""A page of pictures of a field, its signal and their difference: for fields that the page cannot compute."""

import base64
import html
import os
import tempfile
import webbrowser
from pathlib import Path

import numpy as np
import torch

from neuralfields import metrics
from neuralfields.errors import InputError
from neuralfields.field import Field
from neuralfields.files import pillow
from neuralfields.files.atomic import write_bytes
from neuralfields.render.imaging import image_values
from neuralfields.signals import Image, as_signal

_SIDE = 1024
_STYLE = """
body { margin: 1.5rem; font: 15px system-ui, sans-serif; color-scheme: light dark }
main { display: flex; flex-wrap: wrap; gap: 1rem }
figure { margin: 0 } img { max-width: min(100%, 44vw); height: auto } figcaption { padding: .4rem 0 }
"""


def view(
    field: Field, signal: object = None, *, path: str | os.PathLike[str] | None = None, browser: bool = True
) -> Path:
    """Show a 2-D field in the browser, beside the signal it was fitted to and the error.

    Args:
        field: over the plane, with 1 to 4 outputs.
        signal: an image, an array or a path to compare with; without it the field is shown alone.
        path: where to write the page; in the temporary folder by default.
        browser: whether to open it.

    Returns:
        The page: one HTML file with all pictures in it.

    Raises:
        InputError: the field is not over the plane, or does not have as many outputs as the image has channels.
    """
    if not isinstance(field, Field):
        raise InputError(f"a page shows an nf.Field, not a {type(field).__name__}: wrap it in one")
    image = None if signal is None else as_signal(signal)
    if image is not None and not isinstance(image, Image):
        raise InputError(f"a still page shows images, not a {image.kind}")
    if image is not None and image.out_dim != field.out_dim:
        raise InputError(f"the field has {field.out_dim} outputs, the image {image.out_dim} channels")
    name = image.name if image else type(field).__name__
    page = _page(name, _pictures(field, image))
    if path is None:
        path = Path(tempfile.mkdtemp(prefix="neuralfields-")) / "view.html"
    path = Path(path)
    write_bytes(path, page.encode())
    if browser:
        webbrowser.open(path.absolute().as_uri())
    return path


def _pictures(field: Field, image: Image | None) -> dict[str, np.ndarray]:
    """Caption and pixels [height, width, channels] of each picture, at most ``_SIDE`` pixels a side."""
    if image is None:
        return {"field": image_values(field, (_SIDE // 2, _SIDE // 2))}
    step = -(-max(image.shape[:2]) // _SIDE)
    height, width, _ = image.shape
    truth = image.to_float(image.values)[::step, ::step]
    values = image_values(field, (width, height))[::step, ::step]
    error = np.abs(values - truth).max(-1, keepdims=True)
    scale = max(float(np.quantile(error, 0.99)), 1e-9)
    quality = metrics.psnr(torch.from_numpy(values), torch.from_numpy(truth))
    captions = f"field, {quality:.2f} dB", image.name, f"largest error of the channels, white is {scale:.2g}"
    return dict(zip(captions, (values, truth, error / scale), strict=True))


def _page(title: str, pictures: dict[str, np.ndarray]) -> str:
    figures = "".join(
        f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{_png(pixels)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, pixels in pictures.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style><main>{figures}</main></html>\n"
    )


def _png(pixels: np.ndarray) -> str:
    return base64.b64encode(pillow.encode(np.rint(pixels.clip(0, 1) * 255).astype(np.uint8), "PNG")).decode()
