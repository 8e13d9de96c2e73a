"""Generators: the streams of PyTorch, bit by bit, and their states."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist.tensor.generator import Generator, _multiply_add

FLOATS = ["float16", "float32", "float64"]
COUNTS = [0, 1, 2, 15, 16, 17, 31, 100, 623, 1025, 70_000]


class Pair:
    """A generator of ours and one of PyTorch's, from the same seed."""

    def __init__(self, torch: Any, seed: int) -> None:
        self.torch = torch
        self.ours = Generator().manual_seed(seed)
        self.theirs = torch.Generator().manual_seed(seed)

    def check_position(self) -> None:
        """Assert that both would go on equally: all of the saved states is equal."""
        states = [self.ours.get_state().copy(), self.theirs.get_state().numpy().copy()]
        for state in states:
            # Whether a block of 624 is just used up or yet to be begun comes to the same.
            state[16:24].view(np.uint64)[0] %= 624
        np.testing.assert_array_equal(*states)


@pytest.fixture
def pair(torch: Any) -> Callable[..., Pair]:
    return lambda seed=7: Pair(torch, seed)


@pytest.fixture
def portable(torch: Any) -> None:
    """Skip where PyTorch hands these draws to Intel's library, as it does on Intel's processors."""
    generator = torch.Generator().manual_seed(0)
    torch.empty(4).bernoulli_(generator=generator)
    if generator.get_state()[8:12].numpy().view(np.int32)[0] != 625 - 8:
        pytest.skip("PyTorch draws from Intel's library on this processor")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-0.1, 0.37), (3.0, 7.7), (-100.3, 2000.1)])
@pytest.mark.parametrize("count", COUNTS)
def test_uniform_numbers_are_those_of_pytorch(
    dtype: str, bounds: tuple[float, float], count: int, pair: Any
) -> None:
    """Generator.uniform gives PyTorch's bits, and leaves the stream at the same place."""
    both = pair()
    for _ in range(2):
        ours = both.ours.uniform((count,), dtype, *bounds)
        theirs = both.torch.empty(count, dtype=getattr(both.torch, dtype))
        theirs.uniform_(*bounds, generator=both.theirs)
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize(
    "low, high",
    [(0, 1), (0, 2), (-5, 10), (0, 2**28 - 1), (0, 2**28), (-1, 2**28), (0, 2**32),
     (-(2**40), 2**62), (-(2**63), 2**63 - 1)],
)  # fmt: skip
@pytest.mark.parametrize("count", [0, 1, 3000])
def test_integers_are_those_of_pytorch(low: int, high: int, count: int, pair: Any) -> None:
    """Generator.integers gives PyTorch's numbers, for ranges of 32 and of 64 bits."""
    both = pair()
    ours = both.ours.integers(low, high, (count,))
    assert ours.dtype == np.int64
    theirs = both.torch.randint(low, high, (count,), generator=both.theirs)
    np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "bool"])
def test_integers_of_other_dtypes_are_those_of_pytorch(dtype: str, pair: Any) -> None:
    both = pair()
    high = 2 if dtype == "bool" else 100
    ours = both.ours.integers(0, high, (4, 5), dtype)
    kind = getattr(both.torch, dtype)
    theirs = both.torch.randint(0, high, (4, 5), generator=both.theirs, dtype=kind)
    assert ours.dtype == dtype
    np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 1000, 32_769, 70_000])
def test_permutations_are_those_of_pytorch(n: int, pair: Any) -> None:
    """Generator.permutation gives PyTorch's order."""
    both = pair()
    ours = both.ours.permutation(n)
    assert ours.dtype == np.int64
    np.testing.assert_array_equal(ours, both.torch.randperm(n, generator=both.theirs).numpy())
    both.check_position()


@pytest.mark.parametrize("dtype", [*FLOATS, "uint8", "int64", "bool"])
@pytest.mark.parametrize("p", [0.0, 1e-9, 0.2, 0.5, 0.8, 1.0])
@pytest.mark.usefixtures("portable")
def test_bernoulli_draws_are_those_of_pytorch(dtype: str, p: float, pair: Any) -> None:
    """Generator.bernoulli gives PyTorch's draws, in every dtype."""
    both = pair()
    for shape in ((1,), (32, 100)):
        ours = both.ours.bernoulli(p, shape, dtype)
        theirs = both.torch.empty(shape, dtype=getattr(both.torch, dtype))
        theirs.bernoulli_(p, generator=both.theirs)
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli_draws_with_many_probabilities_are_those_of_pytorch(
    dtype: str, pair: Any
) -> None:
    both = pair()
    p = np.linspace(0, 1, 3000).astype(dtype).reshape(30, 100)
    ours = both.ours.bernoulli(p, p.shape, dtype)
    theirs = both.torch.bernoulli(both.torch.from_numpy(p), generator=both.theirs)
    np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (0.3, 1.7), (-40.0, 0.1)])
@pytest.mark.parametrize("count", COUNTS)
def test_normal_numbers_are_those_of_pytorch_up_to_the_last_bits(
    dtype: str, mean: float, std: float, count: int, pair: Any
) -> None:
    both = pair()
    tolerance = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-15}[dtype]
    for _ in range(2):
        ours = both.ours.normal((count,), dtype, mean, std)
        theirs = both.torch.empty(count, dtype=getattr(both.torch, dtype))
        theirs.normal_(mean, std, generator=both.theirs)
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=tolerance, atol=tolerance * std)
    both.check_position()


@pytest.mark.parametrize("dtype", FLOATS)
def test_few_normal_numbers_are_those_of_pytorch_bit_by_bit(dtype: str, pair: Any) -> None:
    both = pair()
    for count in (1, 3, 2, 15, 0, 1, 1, 16, 5):
        ours = both.ours.normal((count,), dtype, 0.3, 1.7)
        theirs = both.torch.empty(count, dtype=getattr(both.torch, dtype))
        theirs.normal_(0.3, 1.7, generator=both.theirs)
        if count < 16:
            np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("rate", [1.0, 0.7])
@pytest.mark.usefixtures("portable")
def test_exponential_numbers_are_those_of_pytorch_up_to_the_last_bits(
    dtype: str, rate: float, pair: Any
) -> None:
    both = pair()
    ours = both.ours.exponential((3000,), dtype, rate)
    theirs = both.torch.empty(3000, dtype=getattr(both.torch, dtype))
    theirs.exponential_(rate, generator=both.theirs)
    assert ours.dtype == dtype
    np.testing.assert_array_max_ulp(ours, theirs.numpy(), maxulp=2 if dtype == "float64" else 1)
    both.check_position()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "num_samples, replacement", [(1, True), (30, True), (1, False), (9, False)]
)
@pytest.mark.usefixtures("portable")
def test_multinomial_draws_are_those_of_pytorch(
    dtype: str, num_samples: int, replacement: bool, pair: Any
) -> None:
    both = pair()
    weights = np.random.default_rng(0).random((50, 20)).astype(dtype)
    weights[:, ::3] = 0
    for rows in (weights, weights[0]):
        ours = both.ours.multinomial(rows, num_samples, replacement)
        theirs = both.torch.multinomial(
            both.torch.from_numpy(rows), num_samples, replacement, generator=both.theirs
        )
        np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()


@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(["rand", "double", "randn", "half", "randint", "long", "randperm"]),
            st.integers(0, 700),
        ),
        max_size=12,
    ),
    seed=st.integers(-(2**63), 2**64 - 1),
)
def test_any_sequence_of_draws_leaves_the_stream_where_pytorch_leaves_it(
    calls: list[tuple[str, int]], seed: int, torch: Any
) -> None:
    """Draws of different kinds, mixed at random, consume the stream as PyTorch's do."""
    both = Pair(torch, seed)
    a, b = both.ours, both.theirs
    draws: dict[str, tuple[Callable[[int], Any], Callable[[int], Any]]] = {
        "rand": (lambda n: a.uniform((n,)), lambda n: torch.rand(n, generator=b)),
        "double": (
            lambda n: a.uniform((n,), "float64"),
            lambda n: torch.rand(n, generator=b, dtype=torch.float64),
        ),
        "randn": (lambda n: a.normal((n,)), lambda n: torch.randn(n, generator=b)),
        "half": (
            lambda n: a.normal((n,), "float16"),
            lambda n: torch.randn(n, generator=b, dtype=torch.float16),
        ),
        "randint": (
            lambda n: a.integers(0, 10, (n,)), lambda n: torch.randint(10, (n,), generator=b)
        ),
        "long": (
            lambda n: a.integers(-3, 2**33, (n,)),
            lambda n: torch.randint(-3, 2**33, (n,), generator=b),
        ),
        "randperm": (a.permutation, lambda n: torch.randperm(n, generator=b)),
    }  # fmt: skip
    for name, n in calls:
        ours, theirs = (draw(n) for draw in draws[name])
        if name == "half":
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-3, atol=1e-3)
        elif name == "randn":
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6, atol=1e-6)
        else:
            np.testing.assert_array_equal(ours, theirs.numpy())
    both.check_position()
    assert a.initial_seed() == b.initial_seed()


@pytest.mark.parametrize("draws", [0, 3, 617, 624, 1000])
def test_states_can_be_exchanged_with_pytorch(draws: int, torch: Any) -> None:
    theirs = torch.Generator().manual_seed(2**40 + 5)
    torch.randn(3, generator=theirs)
    torch.rand(draws, generator=theirs)
    ours = Generator().set_state(theirs.get_state().numpy())
    assert ours.initial_seed() == 2**40 + 5
    for count in (1, 700):
        np.testing.assert_array_equal(
            ours.integers(0, 99, (count,)), torch.randint(99, (count,), generator=theirs).numpy()
        )
    np.testing.assert_array_equal(ours.normal((4,)), torch.randn(4, generator=theirs).numpy())
    again = torch.Generator()
    again.set_state(torch.from_numpy(ours.get_state()))
    np.testing.assert_array_equal(ours.normal((5,)), torch.randn(5, generator=again).numpy())


def test_streams_are_those_of_a_known_seed() -> None:
    """Seed 0 gives the numbers, integers and permutation that PyTorch gives, which stand here."""
    generator = Generator().manual_seed(0)
    assert generator.uniform((3,)).tolist() == [
        0.49625658988952637,
        0.7682217955589294,
        0.08847743272781372,
    ]
    assert generator.integers(0, 100, (5,)).tolist() == [60, 63, 79, 27, 3]
    assert generator.permutation(10).tolist() == [7, 1, 0, 3, 4, 9, 8, 5, 6, 2]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))]
)
def test_copy_goes_on_by_itself_where_the_original_is(duplicate: Any) -> None:
    """A copied or unpickled generator continues the stream and leaves the original alone."""
    generator = Generator().manual_seed(3)
    generator.normal((3,))  # leaves one of a pair for the next call
    other = duplicate(generator)
    assert other.initial_seed() == 3
    expected = [generator.normal((1,)).tolist(), generator.uniform((700,)).tolist()]
    assert [other.normal((1,)).tolist(), other.uniform((700,)).tolist()] == expected


def test_state_is_a_copy_that_resumes_exactly() -> None:
    """set_state restores the stream to the bit, with the normal number kept for the next call."""
    generator = Generator().manual_seed(1)
    generator.normal((3,))
    state = generator.get_state()
    assert state.dtype == np.uint8 and state.shape == (5056,)
    first = [generator.normal((n,)).tolist() for n in (1, 20)]
    generator.manual_seed(9)
    assert generator.set_state(state) is generator
    assert generator.initial_seed() == 1
    assert [generator.normal((n,)).tolist() for n in (1, 20)] == first


def test_seeding_forgets_the_second_of_a_pair_of_normal_numbers() -> None:
    generator = Generator().manual_seed(1)
    first = generator.normal((1,)).tolist()
    assert generator.manual_seed(1).normal((1,)).tolist() == first


@pytest.mark.parametrize("seed", [-1, -(2**63), 2**64 - 1, 2**40 + 5, np.int64(3)])
def test_seeds_are_taken_as_pytorch_takes_them(seed: Any, torch: Any) -> None:
    ours, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(int(seed))
    assert ours.initial_seed() == theirs.initial_seed()
    np.testing.assert_array_equal(ours.uniform((3,)), torch.rand(3, generator=theirs).numpy())


def test_new_generators_have_the_same_seed_and_seed_gives_another(torch: Any) -> None:
    generator = Generator()
    assert generator.initial_seed() == torch.Generator().initial_seed()
    assert generator.seed() == generator.initial_seed() != Generator().initial_seed()
    assert repr(generator.device) == repr(torch.Generator().device)


@pytest.mark.parametrize("seed", [2**64, -(2**63) - 1])
def test_seed_beyond_64_bits_is_an_error(seed: int) -> None:
    with pytest.raises(ValueError, match="manual_seed: expected an integer from"):
        Generator().manual_seed(seed)


def test_what_is_no_state_is_an_error_and_changes_nothing() -> None:
    generator = Generator().manual_seed(1)
    state = generator.get_state()
    with pytest.raises(RuntimeError, match="expected 5056 bytes"):
        generator.set_state(state[:-1])
    with pytest.raises(TypeError, match="expected the bytes"):
        generator.set_state(state.astype(np.float32))
    for position, value in ((8, 0), (12, 0), (28, 1)):
        damaged = state.copy()
        damaged[position] = value
        damaged[9] = 0 if position == 8 else damaged[9]
        with pytest.raises(RuntimeError, match="not the state of a generator"):
            generator.set_state(damaged)
    np.testing.assert_array_equal(generator.get_state(), state)


def test_other_devices_are_an_error() -> None:
    with pytest.raises(RuntimeError, match="not available"):
        Generator("cuda")


@given(
    scale=st.floats(1e-3, 1e3),
    shift=st.just(0.0) | st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3),
    seed=st.integers(0, 2**32 - 1),
)
def test_product_and_sum_are_rounded_once(scale: float, shift: float, seed: int) -> None:
    x = np.random.default_rng(seed).random(20)
    exact = [float(Fraction(v) * Fraction(scale) + Fraction(shift)) for v in x.tolist()]
    assert _multiply_add(x, np.float64(scale), np.float64(shift)).tolist() == exact


def test_uniform_numbers_stay_below_the_upper_end() -> None:
    drawn = Generator().manual_seed(7).uniform((100_000,), "float16", 3.0, 7.7)
    assert drawn.min() >= 3 and drawn.max() < np.float16(7.7)


def test_draws_have_the_moments_of_their_distributions() -> None:
    generator, shape = Generator().manual_seed(0), (400, 500)
    for dtype in ("float32", "float64"):
        drawn = generator.normal(shape, dtype, 3.0, 2.0)
        assert drawn.mean() == pytest.approx(3, abs=0.02)
        assert drawn.std() == pytest.approx(2, abs=0.02)
        assert ((drawn - 3) ** 4).mean() == pytest.approx(3 * 2**4, rel=0.05)
        assert generator.exponential(shape, dtype, 4.0).mean() == pytest.approx(0.25, rel=0.02)
        assert generator.uniform(shape, dtype, -1, 5).std() == pytest.approx(
            6 / math.sqrt(12), rel=0.02
        )
    assert generator.bernoulli(0.3, shape).mean() == pytest.approx(0.3, abs=0.01)
    assert not generator.bernoulli(0.0, shape).any() and generator.bernoulli(1.0, shape).all()


def test_rate_that_is_not_positive_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="rate > 0"):
        Generator().exponential((2,), np.float32, 0.0)


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_never_draws_what_has_no_weight(replacement: bool) -> None:
    weights = np.array([0, 3, 1, 0, 2, 0])
    rows = np.broadcast_to(weights, (2000, 6))
    drawn = Generator().manual_seed(0).multinomial(rows, 3, replacement)
    assert drawn.shape == (2000, 3)
    assert set(drawn.ravel().tolist()) == {1, 2, 4}
    if replacement:
        assert (drawn == 1).mean() == pytest.approx(0.5, abs=0.03)
    else:
        assert (np.sort(drawn, axis=1) == [1, 2, 4]).all()
        assert (drawn[:, 0] == 1).mean() == pytest.approx(0.5, abs=0.05)


def test_default_generator_is_the_one_that_manual_seed_seeds() -> None:
    tg.manual_seed(5)
    assert tg.default_generator.initial_seed() == 5
    first = tg.rand(3).tolist()
    assert first == tg.default_generator.manual_seed(5).uniform((3,)).tolist()
