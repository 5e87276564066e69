"""Snapshots of fields: what lies where, and what is lost."""

import numpy as np
import pytest
import torch

from neuralfields import Chain, Field
from neuralfields.encodings import HashGrid
from neuralfields.errors import InputError
from neuralfields.fields import Marched, Radiance
from neuralfields.networks import MLP, Siren
from neuralfields.viewer.describe import program_of
from neuralfields.viewer.packing import pack, quantised


def grid_field() -> Chain:
    torch.manual_seed(0)
    grid = HashGrid(2, levels=2, log2_size=6, base=4, finest=20)
    with torch.no_grad():
        grid.table[:16] *= 1e4
        grid.table[16:] *= 10
    return Chain(grid, MLP(4, 3, width=8, depth=1))


def table_of(field: Field) -> torch.Tensor:
    return dict(field.named_parameters())["parts.0.table"].detach()


def test_every_array_is_there():
    field = grid_field()
    program = program_of(field)
    stored, data = pack(field, program, "float32")
    assert [array.name for array in stored] == [array.name for array in program.arrays]
    for array in stored:
        assert array.offset % 8 == 0
        found = np.frombuffer(data, array.dtype, int(np.prod(array.shape)), array.offset).reshape(array.shape)
        assert (found == field.get_parameter(array.name).detach().numpy()).all()


def test_each_part_has_its_scale():
    field = grid_field()
    program = program_of(field)
    (stored, *_), _ = pack(field, program, "int8")
    table, found = table_of(field), table_of(quantised(field, program, "int8"))
    for rows, scale in zip((slice(0, 16), slice(16, 80)), stored.scales, strict=True):
        assert scale == pytest.approx(float(table[rows].abs().max()) / 127, rel=1e-6)
        assert float((found[rows] - table[rows]).abs().max()) <= 0.501 * scale
    assert stored.scales[1] < stored.scales[0] / 100


def test_float16_and_its_range():
    field = grid_field()
    with torch.no_grad():
        field.parts[0].table[0] = 1e6
    program = program_of(field)
    found = table_of(quantised(field, program, "float16"))
    assert torch.equal(found, table_of(field).clamp(-65504, 65504).half().double())


def test_networks_are_not_rounded():
    field = Siren(2, 3, width=8, depth=2)
    program = program_of(field)
    for bits in ("int8", "float16"):
        copy = quantised(field, program, bits)
        assert all(torch.equal(a.double(), b) for a, b in zip(field.parameters(), copy.parameters(), strict=True))


@pytest.mark.parametrize("value", [0.0, 1e-38, float("nan"), float("inf")])
def test_scales_are_finite_and_positive(value: float):
    field = grid_field()
    with torch.no_grad():
        field.parts[0].table[:16] = value
    program = program_of(field)
    stored, _ = pack(field, program, "int8")
    assert all(np.isfinite(array.scales).all() and min(array.scales, default=1) > 0 for array in stored)
    assert table_of(quantised(field, program, "int8"))[:16].abs().max() == 0


def test_occupied_cells_are_bits():
    field = Marched(Radiance(MLP(3, 4, width=4), MLP(4, 3, width=4)), cells=8)
    field.occupied.zero_()
    field.occupied[0, 0, 1] = field.occupied[7, 7, 7] = True
    stored, data = pack(field, program_of(field))
    (bits,) = (array for array in stored if array.name == "occupied")
    found = np.frombuffer(data, np.uint8, 64, bits.offset)
    assert bits.dtype == "uint8" and (found[0], found[-1]) == (2, 128) and found[1:-1].max() == 0


def test_wrong_arguments():
    field = grid_field()
    with pytest.raises(InputError, match="int4"):
        pack(field, program_of(field), "int4")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not that of this Siren"):
        pack(Siren(2, 3, width=8), program_of(field))
