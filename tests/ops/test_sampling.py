"""Sampling: the permutation is a bijection, and the kernels give the references' bits on any number of threads."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from neuralfields import ops
from neuralfields.errors import InputError, KernelRefused
from neuralfields.ops import Op, native
from neuralfields.ops.sampling import reference
from neuralfields.ops.sampling.reference import permuted
from neuralfields.signals.lattice import Lattice

DTYPES = (torch.uint8, torch.uint16, torch.float16, torch.float32)
SIZES = st.one_of(st.integers(2, 40), st.integers(2, 5000), st.integers(2, 2**28))
KEYS = st.lists(st.integers(0, 2**70), min_size=1, max_size=3).map(tuple)


@pytest.fixture
def core() -> None:
    if reason := native.reason():
        pytest.skip(f"no native core: it {reason}")


def order(n: int, *key: int) -> np.ndarray:
    return permuted(np.arange(n, dtype=np.uint64), n, key)


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 3000), st.tuples(st.integers(0, 2**63), st.integers(0, 10**6)))
def test_permuted_is_a_bijection(n: int, key: tuple[int, int]) -> None:
    assert np.array_equal(np.sort(order(n, *key)), np.arange(n))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 9, 10, 16, 17, 255, 256, 257])
def test_permuted_is_a_bijection_at_small_sizes(n: int) -> None:
    for key in range(20):
        assert sorted(order(n, key).tolist()) == list(range(n))


def test_permuted_of_a_part_is_the_part_of_permuted() -> None:
    some = np.array([5, 99, 0, 5], dtype=np.uint64)
    assert np.array_equal(permuted(some.copy(), 100, (3,)), order(100, 3)[[5, 99, 0, 5]])


def test_permuted_leaves_its_argument() -> None:
    index = np.arange(10, dtype=np.uint64)
    permuted(index, 10, (1,))
    assert np.array_equal(index, np.arange(10))


def test_permuted_knows_no_limit() -> None:
    n = 2**45 + 12345
    found = permuted(np.arange(1000, dtype=np.uint64), n, (7,))
    assert len(np.unique(found)) == 1000
    assert found.max() < n
    assert abs(found.mean() / n - 0.5) < 0.05


def test_keys_give_unlike_orders() -> None:
    n = 1000
    a, b, c = order(n, 0, 0), order(n, 0, 1), order(n, 1, 0)
    for left, right in ((a, b), (a, c), (b, c)):
        assert (left == right).sum() < 12
        assert abs(np.corrcoef(left.astype(float), right.astype(float))[0, 1]) < 0.12


def test_neighbours_in_a_batch_are_not_neighbours_in_the_signal() -> None:
    drawn = order(4096, 5).astype(float)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.06


def same_bits(op: Op, *arguments: object, threads: int = 1) -> Tensor:
    """The kernel's result, which is the reference's, in memory too."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with ops.backend("cpu", op):
            found = op(*arguments)
    finally:
        torch.set_num_threads(before)
    wanted = op.reference(*arguments)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.stride() == wanted.stride() or len(found) < 2
    same = found == wanted
    assert bool((same | (found.isnan() & wanted.isnan())).all())
    return found


@pytest.mark.usefixtures("core")
@settings(max_examples=150, deadline=None)
@given(st.data(), SIZES, KEYS, st.booleans())
def test_the_kernel_shuffles_as_the_reference(
    data: st.DataObject, count: int, key: tuple[int, ...], twice: bool
) -> None:
    n = data.draw(st.integers(0, min(count, 3000)))
    first = data.draw(st.integers(0, count - n))
    orders = ((count, key), (count + data.draw(st.integers(0, count)), (7,)))
    same_bits(ops.shuffled, first, n, orders if twice else orders[:1], threads=data.draw(st.sampled_from([1, 2, 3])))


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 2**20, 2**20 + 1, 2**32 - 1, 2**32, 2**40 - 2**20 + 1, 2**40])
def test_the_kernel_at_the_ends_of_its_range(count: int) -> None:
    n = min(count, 1000)
    for first in (0, count - n):
        same_bits(ops.shuffled, first, n, ((count, (1,)),))


def test_what_the_kernels_leave_to_the_references() -> None:
    for op, arguments, text in (
        (ops.shuffled, (0, 5, ((2**40 + 1, (1,)),)), r"takes numbers up to 2\^40, not 1099511627777"),
        (ops.cell_centres, (torch.arange(3), (2**26, 2**26)), r"takes arrays of up to 2\^51 places"),
        (ops.cell_centres, (torch.arange(3, dtype=torch.int32), (2, 2)), "takes an int64 index"),
        (ops.take_values, (torch.zeros(3, 1, dtype=torch.float64), torch.arange(3)), "takes uint8, uint16, float16"),
    ):
        assert len(op(*arguments)) in (3, 5)
        with ops.backend("cpu"), pytest.raises(KernelRefused, match=text):
            op(*arguments)


def test_numbers_beyond_an_order_are_refused() -> None:
    for first, n, orders in ((0, 6, ((5, (1,)),)), (-1, 2, ()), (0, -1, ())):
        with pytest.raises(InputError, match=f"from {first} to below {first + n} are not all from 0 to below"):
            ops.shuffled(first, n, orders)
    with pytest.raises(InputError, match=r"all numbers that the one before gives, got \[5, 4\]"):
        ops.shuffled(0, 2, ((5, (1,)), (4, (1,))))


@pytest.mark.usefixtures("core")
@settings(max_examples=100, deadline=None)
@given(st.data(), st.lists(SIZES, min_size=1, max_size=3))
def test_the_kernel_places_as_the_reference(data: st.DataObject, lengths: list[int]) -> None:
    shape = tuple(lengths) if np.prod(np.array(lengths, dtype=float)) <= 2**51 else tuple(lengths[:1])
    size = int(np.prod(shape))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    index = random.integers(0, size, data.draw(st.sampled_from([1, 7, 64, 2049, 5000])))
    index[0] = size - 1
    for threads in (1, 2, 3):
        same_bits(ops.cell_centres, torch.from_numpy(index), shape, threads=threads)


def stored(dtype: torch.dtype, rows: int, channels: int) -> Tensor:
    """Every byte comes up, so every kind of float does: subnormal, infinite, not a number."""
    numbers = np.random.default_rng(0).integers(0, 256, (rows, channels * dtype.itemsize))
    return torch.from_numpy(numbers.astype(np.uint8)).view(dtype)


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("channels", range(1, 7))
def test_the_kernel_takes_values_as_the_reference(dtype: torch.dtype, channels: int) -> None:
    values = stored(dtype, 3000, channels)
    index = torch.randint(0, 3000, (4999,), generator=torch.Generator().manual_seed(0))
    for threads in (1, 2, 3):
        same_bits(ops.take_values, values, index, threads=threads)
        same_bits(ops.take_values, values, index[::2], threads=threads)


@pytest.mark.usefixtures("core")
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.float16], ids=str)
def test_every_number_of_a_small_type(dtype: torch.dtype) -> None:
    every = np.arange(256**dtype.itemsize).astype(f"<u{dtype.itemsize}")
    values = torch.from_numpy(every.view(np.float16) if dtype is torch.float16 else every)[:, None]
    same_bits(ops.take_values, values, torch.arange(len(values)))


@pytest.mark.parametrize("backend", ["reference", "cpu"])
@pytest.mark.parametrize("wrong", [20, 2**62, -1, -(2**62)])
def test_rows_that_are_none(backend: str, wrong: int) -> None:
    if backend == "cpu" and native.reason():
        pytest.skip("no native core")
    with ops.backend(backend), pytest.raises(IndexError, match="out of"):
        ops.take_values(stored(torch.uint8, 20, 3), torch.tensor([0, wrong, 1]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=3), st.integers(1, 3000), st.integers(0, 100),
    st.integers(0, 500), st.sampled_from([0.0, 0.25, 0.5]),
)  # fmt: skip
def test_a_lattice_draws_the_same_on_any_path(lengths: list[int], n: int, seed: int, step: int, holdout: float) -> None:
    """Against the definition written out for one batch: its places may lie in two passes."""
    shape = tuple(lengths)
    lattice = Lattice(shape, holdout if np.prod(shape) > 3 else 0.0)
    place = np.arange(step * n, (step + 1) * n) if n < lattice.training else np.arange(lattice.training)
    wanted = place % lattice.training
    for number in np.unique(place // lattice.training) if n < lattice.training else ():
        here = place // lattice.training == number
        wanted[here] = permuted(wanted[here].astype(np.uint64), lattice.training, (seed, int(number)))
    if lattice.holdout:
        wanted = permuted(wanted.astype(np.uint64), lattice.size, (0x5EED,))
    assert lattice.draw(n, seed=seed, step=step).tolist() == wanted.tolist()


def test_a_long_signal_is_drawn_without_being_made() -> None:
    lattice = Lattice((2**14, 2**14), 0.1)
    drawn = lattice.draw(5000, seed=1, step=123_456)
    with ops.backend("reference"):
        assert torch.equal(lattice.draw(5000, seed=1, step=123_456), drawn)
        assert torch.equal(lattice.coordinates(drawn), ops.cell_centres.reference(drawn, lattice.shape))


def test_round_keys_are_made_once() -> None:
    assert reference.round_keys((1, 2)) is reference.round_keys((1, 2))
