"""The line of tones, what is measured of it, and a small fit."""

import pytest
import torch

from neuralfields.bench import spectrum, tables
from neuralfields.bench.methods import Task


def test_tones_have_equal_amplitudes() -> None:
    x, y = spectrum.tones()
    assert x.shape == y.shape == (2048, 1) and float(y.abs().max()) == pytest.approx(1)
    found = spectrum.amplitudes(x, y).abs()
    torch.testing.assert_close(found, found[:1].expand(9), rtol=1e-5, atol=0)
    assert float(spectrum.amplitudes(x, y, [3, 100]).abs().max()) < 1e-6
    again, other = spectrum.tones(), spectrum.tones(seed=1)
    assert torch.equal(y, again[1]) and not torch.allclose(y, other[1])


def test_an_amplitude_knows_its_phase() -> None:
    x, _ = spectrum.tones()
    early, late = (torch.sin(torch.pi * 4 * x + phase) for phase in (0.0, 1.0))
    found = [complex(spectrum.amplitudes(x, wave, [4])[0]) for wave in (early, late)]
    assert abs(found[0]) == pytest.approx(1, abs=1e-6) and abs(found[0] - found[1]) > 0.9


def test_a_tone_is_learned_for_good() -> None:
    errors = [(1.0, 0.05, 1.0), (0.05, 0.5, 1.0), (0.01, 0.09, float("nan"))]
    curve = [{"step": step, "errors": values} for step, values in zip((1, 5, 9), errors, strict=True)]
    assert spectrum.learned(curve) == [5, 9, None]


def test_a_fit() -> None:
    row = spectrum.fit(Task("", "siren", seed=0, params=2000, steps=60, seconds=None))
    assert row["steps"] == 60 and row["batch"] == 2048 and row["tones"][-1] == 256
    assert row["curve"][0]["step"] <= 2 and row["curve"][-1]["step"] == 60
    assert len(row["curve"][-1]["errors"]) == len(row["learned"]) == 9
    first, last = (sum(row["curve"][i]["errors"]) for i in (0, -1))
    assert last < 0.8 * first


def test_the_table_sorts_by_what_is_learned() -> None:
    def row(method: str, *learned: int | None, seed: int = 0) -> dict[str, object]:
        return {"method": method, "params": 10, "batch": 5, "tones": [1, 2], "learned": learned, "seed": seed}

    rows = [row("slow", 50, 90), row("half", 1, None), row("fast", 20, 30), {"method": "x", "error": "for images"}]
    lines = tables.spectrum_table({"rows": rows}).splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["fast", "slow", "half"]
    assert lines[4].split() == ["half", "10", "5", "1", "-"] and lines[5] == "x failed: for images"
    seeds = [row("a", 3, None), row("a", 5, 9, seed=1), row("a", 4, 8, seed=2)]
    assert tables.spectrum_cells(seeds)[1] == [["a", "10", "5", "4", "9"]]
