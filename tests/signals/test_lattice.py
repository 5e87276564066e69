"""Drawing samples: each once per pass, no state, no pattern, and what is held out stays out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuralfields.errors import InputError
from neuralfields.signals.lattice import Lattice


def test_batches_look_random() -> None:
    """Counts of a batch in 16 equal boxes: chi-squared with 15 degrees of freedom, over 40 keys."""
    lattice = Lattice((64, 64))
    statistics = []
    for seed in range(40):
        index = lattice.draw(512, seed=seed, step=0).numpy()
        boxes = index // 64 // 16 * 4 + index % 64 // 16
        counts = np.bincount(boxes, minlength=16)
        # Without repetition the spread is smaller, by the share that is left.
        statistics.append(((counts - 32) ** 2 / 32).sum() / (1 - 512 / 4096))
    assert 12.5 < np.mean(statistics) < 17.5
    assert max(statistics) < 45


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 60), st.integers(1, 20), st.integers(1, 30), st.integers(0, 100), st.sampled_from([0.0, 0.25, 0.5])
)
def test_within_a_pass_no_sample_comes_twice(width: int, height: int, n: int, seed: int, holdout: float) -> None:
    lattice = Lattice((height, width), holdout if width * height > 2 else 0.0)
    kept = lattice.training
    if n >= kept:
        assert sorted(lattice.draw(n, seed=seed, step=3).tolist()) == sorted(lattice.draw(n, seed=9, step=0).tolist())
        return
    stream = torch.cat([lattice.draw(n, seed=seed, step=step) for step in range(3 * kept // n + 1)])
    for number in range(3):
        one_pass = stream[number * kept : (number + 1) * kept]
        assert len(one_pass.unique()) == len(one_pass) == kept


def test_passes_differ() -> None:
    lattice = Lattice((20, 20))
    first, second = lattice.draw(200, seed=0, step=0), lattice.draw(200, seed=0, step=2)
    assert not torch.equal(first, second)


def test_there_is_no_state() -> None:
    lattice = Lattice((30, 30), 0.1)
    wanted = lattice.draw(100, seed=4, step=17)
    lattice.draw(100, seed=5, step=2)
    np.random.seed(0)
    torch.manual_seed(0)
    assert torch.equal(lattice.draw(100, seed=4, step=17), wanted)
    assert torch.equal(Lattice((30, 30), 0.1).draw(100, seed=4, step=17), wanted)
    assert not torch.equal(lattice.draw(100, seed=5, step=17), wanted)
    assert wanted.dtype == torch.int64


def test_the_numbers_stay_the_same_from_version_to_version() -> None:
    """A resumed fit depends on them: if this fails, checkpoints need a migration."""
    assert Lattice((40, 50)).draw(6, seed=0, step=0).tolist() == [1186, 1114, 633, 6, 214, 452]


@pytest.mark.parametrize("holdout", [0.0, 0.1, 0.5, 0.75, 0.999])
@pytest.mark.parametrize("shape", [(1, 7), (10, 13), (40,), (5, 6, 7)])
def test_held_out_samples_and_the_others_are_all(shape: tuple[int, ...], holdout: float) -> None:
    if round(np.prod(shape) * holdout) >= np.prod(shape):
        with pytest.raises(InputError, match="leaves samples"):
            Lattice(shape, holdout)
        return
    lattice = Lattice(shape, holdout)
    held = torch.cat([*lattice.held_out(4), torch.empty(0, dtype=torch.int64)])
    drawn = torch.cat([lattice.draw(5, seed=1, step=step) for step in range(-(-lattice.training // 5))])
    assert len(held) == round(lattice.size * holdout)
    assert set(held.tolist()) | set(drawn.tolist()) == set(range(lattice.size))
    assert not set(held.tolist()) & set(drawn.tolist())


def test_the_same_samples_are_held_out_for_every_seed() -> None:
    lattice = Lattice((30, 30), 0.5)
    kept = [set(lattice.draw(450, seed=seed, step=0).tolist()) for seed in (0, 1)]
    assert kept[0] == kept[1]


def test_coordinates_are_centres_x_first() -> None:
    found = Lattice((2, 4)).coordinates(torch.arange(8))
    xs = [-0.75, -0.25, 0.25, 0.75]
    assert found.tolist() == [[x, y] for y in (-0.5, 0.5) for x in xs]
    assert found.dtype == torch.float32
    volume = Lattice((3, 1, 2)).coordinates(torch.tensor([0, 5]))
    torch.testing.assert_close(volume, torch.tensor([[-0.5, 0.0, -2 / 3], [0.5, 0.0, 2 / 3]]))


def test_coordinates_of_long_axes_are_exact_to_the_last_bit() -> None:
    n = 2**24 + 1
    index = torch.tensor([0, n // 2, n - 1])
    found = Lattice((n,)).coordinates(index)[:, 0]
    assert torch.equal(found, torch.tensor([1 / n - 1, 0.0, 1 - 1 / n], dtype=torch.float64).float())


@pytest.mark.parametrize(
    ("shape", "holdout"), [((), 0.0), ((0, 3), 0.0), ((2, 2), 1.0), ((2, 2), -0.1), ((2,), 0.99), ((2,), 0.1)]
)
def test_lattices_that_are_none(shape: tuple[int, ...], holdout: float) -> None:
    with pytest.raises(InputError):
        Lattice(shape, holdout)
