"""The still page holds the right pictures and nothing from outside."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image as Picture

import neuralfields as nf
from neuralfields.errors import InputError


class Stripes(nf.Field):
    """One channel that grows from left to right."""

    def __init__(self) -> None:
        super().__init__()
        self.in_dim, self.out_dim = 2, 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x[..., :1] + 1) / 2


def pictures(page: str) -> list[np.ndarray]:
    return [
        np.asarray(Picture.open(io.BytesIO(base64.b64decode(data)))) for data in re.findall(r"base64,([^\"]+)", page)
    ]


def test_field_truth_and_error(tmp_path):
    truth = np.full((4, 8), 0.5, np.float32)
    page = nf.view(Stripes(), truth, path=tmp_path / "page.html", browser=False).read_text()
    field, signal, error = pictures(page)
    ramp = (np.arange(8) + 0.5) / 8
    assert np.array_equal(field, np.tile(np.rint(ramp * 255), (4, 1)))
    assert np.array_equal(signal, np.full((4, 8), 128))
    assert error.argmin() in (3, 4)
    assert error.max() == 255
    assert re.search(r"field, \d+\.\d\d dB", page)
    assert not re.search(r"https?:|<script", page)


def test_field_alone_is_opened(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    path = nf.view(Stripes(), path=tmp_path / "page.html")
    assert opened == [path.as_uri()]
    assert len(pictures(path.read_text())) == 1


def test_channels_must_agree():
    with pytest.raises(InputError, match="the field goes from 2 to 1 values, the image from 2 to 3"):
        nf.view(Stripes(), np.zeros((4, 4, 3)), path="page.html", browser=False)
