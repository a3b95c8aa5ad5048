"""Shared negatives: the draws, the gradient they estimate, the step, and where block-wise training ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import sparse

import sgns_pmi as sp
from sgns_pmi.factorise import devices
from sgns_pmi.factorise.losses.cells import softplus
from sgns_pmi.factorise.losses.penalty import Ridge
from sgns_pmi.factorise.losses.sgns import ExactObjective, sgns_objective
from sgns_pmi.factorise.solvers import blocks
from sgns_pmi.factorise.solvers.blocks import Side, gradient, improve, stratified
from sgns_pmi.factorise.solvers.expected import Expected
from sgns_pmi.factorise.solvers.sampled import Sampled, default_epochs
from sgns_pmi.negatives import Negatives
from sgns_pmi.progress import Progress

K = 3
BLOCK = Sampled(negatives="block")


@pytest.fixture(scope="module")
def toy() -> sp.CooccurrenceCounts:
    """9 words, one of which never occurs, and 6 contexts, with counts from 1 to hundreds and some cells unseen."""
    rng = np.random.default_rng(5)
    counts = rng.poisson(rng.gamma(0.5, 30.0, size=(9, 6))).astype(float)
    counts[:, 0] += 1
    counts[0] += 1
    counts[4] = 0
    return sp.CooccurrenceCounts.from_matrix(counts)


@pytest.fixture(scope="module")
def point(toy) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(6)
    return tuple(torch.tensor(rng.normal(size=(side, 2)), dtype=torch.float32) for side in toy.shape)


@pytest.fixture
def small_blocks(monkeypatch):
    """Four rows to a block and three draws in all epochs, so that the toy has several blocks and true draws; in float32."""
    monkeypatch.setattr(blocks, "shortest", lambda device: torch.float32)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    monkeypatch.setattr(blocks, "DRAWS", 3)
    monkeypatch.setattr(blocks, "DOUBLINGS", 0)


def sides(counts, noise, drop_positive=False):
    negatives = Negatives(K, noise, drop_positive)
    return [Side(counts, negatives, transposed=side, device="cpu") for side in (False, True)]


def objective_gradient(side, own, other, draws, generator):
    """The gradient of ℓ for all rows of a side, from its blocks."""
    whole = torch.zeros_like(own)
    for block in side:
        whole[block.rows], _, _ = gradient(block, own[block.rows], other, other, side.draw(draws, generator))
    return whole * (side.weight / side.total)[:, None]


# Draws


@given(weights=st.lists(st.floats(0, 1e3), min_size=1, max_size=30).filter(lambda w: sum(w) > 1e-3), size=st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_the_expected_weight_of_a_context_is_its_probability(weights, size):
    """The jitters' integral, by the midpoint rule: off by no more than the cells that a boundary of the strata cuts."""
    q = np.array(weights) / np.sum(weights)
    distribution, grid = torch.tensor(np.cumsum(weights) / np.sum(weights)), 200
    mean = np.zeros(len(q))
    for jitter in (np.arange(grid) + 0.5) / grid:
        contexts, share, _ = stratified(distribution, torch.full((size,), jitter, dtype=torch.float64))
        mean[contexts.numpy()] += share.numpy() / grid
        assert (np.diff(contexts.numpy()) > 0).all()
    np.testing.assert_allclose(mean, q, atol=1.01 / (size * grid))
    assert not mean[q == 0].any()


def test_strata_bound_how_often_a_context_is_drawn():
    q = np.random.default_rng(0).dirichlet(np.full(50, 0.3))
    contexts, share, _ = stratified(torch.tensor(np.cumsum(q)), torch.rand(40, dtype=torch.float64))
    times = np.zeros(50)
    times[contexts.numpy()] = 40 * share.numpy()
    assert (np.abs(times - 40 * q) < 2).all()


# Gradient


@pytest.mark.parametrize("drop_positive", [False, True])
def test_the_gradient_is_that_of_the_objective_at_the_expected_weights(toy, point, small_blocks, drop_positive):
    """It is linear in the weights of the draw, whose expectation is q: this and the test above are the whole proof."""
    noise = sp.noise_distribution(toy, exponent=0.75)
    exact = ExactObjective(toy, Negatives(K, noise, drop_positive))
    _, *expected = exact.value_and_gradient(*(factor.double() for factor in point))
    for side, own, other, truth in zip(sides(toy, noise, drop_positive), point, point[::-1], expected, strict=True):
        found = objective_gradient(side, own, other, 10**6, torch.Generator())
        torch.testing.assert_close(found[side.weight > 0].double(), truth[side.weight > 0], atol=1e-6, rtol=1e-5)


def test_the_gradient_of_draws_is_unbiased(toy, point, small_blocks):
    """The mean over 2,000 sets of draws is the exact gradient, to its standard error, and the draws do differ."""
    noise = sp.noise_distribution(toy, exponent=0.75)
    _, *expected = ExactObjective(toy, Negatives(K, noise)).value_and_gradient(*(factor.double() for factor in point))
    generator = torch.Generator().manual_seed(0)
    for side, own, other, truth in zip(sides(toy, noise), point, point[::-1], expected, strict=True):
        found = torch.stack([objective_gradient(side, own, other, 3, generator) for _ in range(2000)]).double()
        error = found.std(0) / np.sqrt(len(found))
        occurs = side.weight > 0
        assert (error[occurs] > 0).all()
        assert ((found.mean(0) - truth)[occurs].abs() < 4.5 * error[occurs] + 1e-6).all()


def test_the_estimated_objective_is_unbiased(toy, point, small_blocks):
    noise = sp.noise_distribution(toy)
    for drop_positive in (False, True):
        side, _ = sides(toy, noise, drop_positive)
        truth = ExactObjective(toy, Negatives(K, noise, drop_positive)).value(*(factor.double() for factor in point))
        generator = torch.Generator().manual_seed(1)
        assert side.objective(*point, 6, generator) == pytest.approx(truth, rel=1e-5)
        estimates = [side.objective(*point, 3, generator) for _ in range(2000)]
        assert np.mean(estimates) == pytest.approx(truth, abs=4.5 * np.std(estimates) / np.sqrt(2000))
        assert np.std(estimates) > 1e-3


# Sums over triples


@pytest.fixture
def small_parts(monkeypatch):
    """Blocks of seven rows in parts of three, their sums shared by threads."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 7)
    monkeypatch.setattr(blocks, "PART_ROWS", 3)
    monkeypatch.setattr(devices, "SMALL_CELLS", 1)


@pytest.mark.parametrize("transposed", [False, True])
def test_cells_lie_by_part_and_column(small_parts, transposed):
    rng = np.random.default_rng(0)
    matrix = rng.poisson(0.4, (19, 11)) * rng.uniform(1, 2, (19, 11))
    matrix[4] = 0
    n = matrix.T if transposed else matrix
    order, scale = rng.permutation(len(n)), rng.uniform(1, 2, len(n)).astype(np.float32)
    starts, place, contexts, values = blocks.by_column(sparse.csr_array(matrix), order, scale, transposed)
    rebuilt, first, part = np.zeros(n.shape), 0, 0
    for low in range(0, len(n), 7):
        for first in range(low, min(low + 7, len(n)), 3):
            own = slice(starts[part], starts[part + 1])
            assert (place[own] < min(3, min(low + 7, len(n)) - first)).all()
            assert (np.diff(contexts[own]) >= 0).all()
            rebuilt[order[first + place[own].astype(int)], contexts[own]] = values[own]
            part += 1
    assert starts[part] == len(values) == np.count_nonzero(matrix)
    np.testing.assert_allclose(rebuilt, n * scale[:, None], rtol=1e-6)


@pytest.fixture
def own_threads():
    """PyTorch's number of threads, put back afterwards."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("drop_positive", [False, True])
@pytest.mark.parametrize("transposed", [False, True])
def test_sums_over_triples_are_those_of_the_dense_matrix(small_parts, own_threads, transposed, drop_positive):
    """Compiled on one thread and on two, to the bit, and by PyTorch: all are plain sums of the formulas over the seen cells."""
    counts = sp.CooccurrenceCounts.from_matrix(np.random.default_rng(1).poisson(2.0, (23, 17)) + np.eye(23, 17))
    negatives = Negatives(K, sp.noise_distribution(counts, exponent=0.75), drop_positive)
    side, (rows, columns) = Side(counts, negatives, transposed=transposed, device="cpu"), (17, 23) if transposed else (23, 17)
    generator = torch.Generator().manual_seed(2)
    own, other, step = (torch.randn(size, 4, generator=generator) for size in (rows, columns, rows))
    n = torch.tensor(counts.matrix.toarray().T if transposed else counts.matrix.toarray())
    n = n / side.weight.double()[:, None]
    net = torch.tensor(negatives.net) if drop_positive else torch.ones(17, dtype=torch.float64)
    w = n * (net[:, None] if transposed else net)
    x, move = (factor.double() @ other.double().T for factor in (own, step))
    sigma = x.sigmoid()
    bend = w * sigma * (1 - sigma)
    slope = (w * sigma - n) @ other[:, :3].double()
    expected = slope, (bend * move**2).sum(1), (n * softplus(-x) + (w - n) * softplus(x)).sum(1)
    reach = torch.where(n > 0, move.abs(), 0).amax(1)
    for block in side:
        v, s = own[block.rows], step[block.rows]
        found = []
        for threads, compiled in ((1, True), (2, True), (1, False)):
            torch.set_num_threads(threads)
            this = block._replace(compiled=compiled)
            slopes, bends = this.slopes(v, other, other[:, :3].contiguous())
            found.append((slopes, *this.bends(bends, s, other)[::-1], this.losses(v, other)))
        for one, two, generic in zip(*found, strict=True):
            assert torch.equal(one, two)
            torch.testing.assert_close(one, generic, rtol=1e-5, atol=1e-5)
        slopes, second, largest, losses = found[0]
        for own_sums, whole in zip((slopes, second, losses), expected, strict=True):
            torch.testing.assert_close(own_sums.double(), whole[block.rows], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(largest.double(), reach[block.rows], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 2])
def test_dense_losses_are_summed_tile_by_tile(small_parts, own_threads, monkeypatch, threads):
    """Rows and contexts that no tile divides, one of whose scores overflows exp in float32."""
    monkeypatch.setattr(blocks, "TILE", 4)
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(4)
    v, other = (torch.randn(size, 5, generator=generator) for size in (11, 13))
    v[3], other[12] = 6.0, 6.0
    weights = torch.rand(13, generator=generator)
    truth = softplus(v.double() @ other.double().T) @ weights.double()
    found = blocks.dense_losses(v, other, weights)
    torch.testing.assert_close(found, truth, rtol=1e-6, atol=1e-6)


def test_short_products_change_a_move_less_than_draws_do(words300, monkeypatch):
    """A move by products in bfloat16 is within a hundredth of that in float32, and two draws are further apart."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 64)
    side = Side(words300, Negatives.of(words300, K), transposed=False, device="cpu")
    generator = torch.Generator().manual_seed(0)
    own, other = (0.5 * torch.randn(300, 5, generator=generator) for _ in range(2))
    block = next(iter(side))
    drawn, again = side.draw(128, generator), side.draw(128, generator)

    def move(drawn, precision):
        return blocks.newton_move(block, own[block.rows], other, other, (drawn._replace(precision=precision),) * 2)

    long, short, redrawn = (move(*given) for given in ((drawn, torch.float32), (drawn, torch.bfloat16), (again, torch.float32)))
    assert 0 < (short - long).norm() < 0.01 * long.norm()
    assert (redrawn - long).norm() > 2 * (short - long).norm()


# Step


def test_a_move_by_its_formula_with_draws_of_its_own_for_the_curvature(words300, monkeypatch):
    """The dense formula in float64: the gradient's expectation from the first draws, all curvature from the second."""
    monkeypatch.setattr(blocks, "shortest", lambda device: torch.float32)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 64)
    monkeypatch.setattr(blocks, "DRAWS", 50)
    negatives = Negatives.of(words300, K)
    side = Side(words300, negatives, transposed=False, device="cpu")
    generator = torch.Generator().manual_seed(3)
    own, other = (0.5 * torch.randn(300, 5, generator=generator) for _ in range(2))
    assert len({id(drawn) for drawn in side.draws(50, generator)}) == 1
    draws = side.draws(100, generator)
    assert [round(float(drawn.weights.sum() * size), 3) for drawn, size in zip(draws, (100, 50), strict=True)] == [100, 50]
    block = next(iter(side))
    found = blocks.newton_move(block, own[block.rows], other, other, draws)

    v, u = own[block.rows].double().numpy(), other.double().numpy()
    n = words300.matrix.toarray()[block.rows.numpy()] / (K * words300.row_sums[block.rows.numpy(), None])
    first, second = (np.bincount(each.contexts, each.weights, len(u)) for each in draws)
    sigma = 1 / (1 + np.exp(-v @ u.T))
    bent = sigma * (1 - sigma)
    shared = u.T @ (u * (second * bent.mean(0))[:, None])
    shared += np.eye(5) * blocks.CURVATURE_RIDGE * shared.diagonal().mean()
    slope = (n * (sigma - 1) + first * sigma) @ u
    step = -slope @ np.linalg.inv(shared)
    move = step @ u.T
    reach = np.abs(np.where((n > 0) | (second > 0), move, 0)).max(1)
    newton = -(slope * step).sum(1) / ((n * bent + second * bent) * move**2).sum(1)
    expected = np.log1p(newton * reach)[:, None] / reach[:, None] * step
    torch.testing.assert_close(found.double(), torch.tensor(expected), rtol=1e-4, atol=1e-6)


@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.01, 0.3, 1.0, 4.0, 20.0]))
@example(seed=148, scale=4.0)  # these rose by a hundredth to a twentieth, where σ rounds to 1 in float32
@example(seed=362, scale=20.0)
@example(seed=390, scale=20.0)
@settings(max_examples=60, deadline=None)
def test_no_row_gets_worse(toy, seed, scale):
    """With all contexts taken no row's loss rises, from however bad a start; a frequent row's falls."""
    noise, rng = sp.noise_distribution(toy), np.random.default_rng(seed)
    factors = [torch.tensor(rng.normal(size=(size, 2)) * scale, dtype=torch.float32) for size in toy.shape]
    exact = ExactObjective(toy, Negatives(K, noise))
    for side, losses, own, other in zip(sides(toy, noise), (exact, exact.transposed()), (0, 1), (1, 0), strict=True):
        before = losses.losses(*(factors[i].double() for i in (own, other)))
        for block in side:
            improve(block, factors[own], factors[other], factors[other], slice(None), side.draws(100, torch.Generator()))
        after = losses.losses(*(factors[i].double() for i in (own, other)))
        assert (after <= before * (1 + 1e-5)).all()
        assert after.sum() < before.sum()


# Training


def percent_above(objective, optimum):
    return 100 * (objective / optimum - 1)


@pytest.fixture(scope="module")
def words300() -> sp.CooccurrenceCounts:
    return sp.softmax_problem(words=300, rank=2, pairs=2_000_000, seed=0).counts


@pytest.mark.parametrize(("bias", "drop_positive"), [(False, False), (True, False), (False, True)])
def test_training_ends_near_the_optimum(words300, bias, drop_positive):
    """All contexts taken: nothing is random but the start, and 100 epochs come within 1 % of the exact optimum.

    So they do from nine of ten starts; from that of seed 0 without biases ℓ ends 7 % above.
    """
    noise = sp.noise_distribution(words300, exponent=0.75)
    negatives = Negatives(K, noise, drop_positive)
    optimum = Expected().solve(words300, 3, negatives, bias=bias).objective
    solution = Sampled(negatives="block", epochs=100).solve(words300, 3, negatives, bias=bias, seed=1)
    assert -1e-4 < percent_above(solution.objective, optimum) < 1
    V, U = solution.V, solution.U
    if bias:
        V = np.column_stack([V, solution.row_bias, np.ones(300)])
        U = np.column_stack([U, np.ones(300), solution.col_bias])
    assert sgns_objective(V.astype(float), U.astype(float), words300, K, noise, drop_positive=drop_positive) == pytest.approx(
        solution.objective, rel=1e-5
    )


def test_training_on_draws_ends_near_the_optimum(words300, monkeypatch):
    """64 of 300 contexts drawn for each block of 50 rows: within 4 %, where 8 drawn stay further away."""
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 50)
    monkeypatch.setattr(blocks, "DOUBLINGS", 0)
    negatives = Negatives.of(words300, K)
    optimum = Expected().solve(words300, 3, negatives).objective
    above = {}
    for draws in (8, 64):
        monkeypatch.setattr(blocks, "DRAWS", draws)
        above[draws] = percent_above(Sampled(negatives="block", epochs=60).solve(words300, 3, negatives).objective, optimum)
    assert 0 < above[64] < 4
    assert above[64] < above[8]


def test_the_history_of_blocks(toy, small_blocks):
    solution = Sampled(negatives="block", epochs=4).solve(toy, 2, Negatives(K, sp.noise_distribution(toy)))
    history = solution.history
    assert history["step"].tolist() == [0, 10, 20]  # three blocks of words, two of contexts
    assert history["epoch"].tolist() == [0, 2, 4]
    assert (history["seconds"].diff().iloc[1:] > 0).all()
    assert history["objective"].iloc[-1] == solution.objective < history["objective"].iloc[0]


def test_same_seed_same_result(toy, small_blocks):
    noise = sp.noise_distribution(toy)
    first, again, other = (
        Sampled(negatives="block", epochs=3).solve(toy, 2, Negatives(K, noise), seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.V, again.V)
    np.testing.assert_array_equal(first.U, again.U)
    assert not np.array_equal(first.V, other.V)


def test_words_that_never_occur_are_zero(toy):
    solution = Sampled(negatives="block", epochs=2).solve(toy, 2, Negatives(K, sp.noise_distribution(toy)), bias=True)
    assert not solution.V[4].any()
    assert solution.row_bias[4] == 0
    assert solution.V[0].any()


def test_ctrl_c_keeps_what_was_learned(toy, small_blocks, monkeypatch):
    def stop_after_two_epochs(self, steps=1, objective=None):
        self.seen = getattr(self, "seen", 0) + steps
        if self.seen == 10:
            raise KeyboardInterrupt

    noise = sp.noise_distribution(toy)
    monkeypatch.setattr(Progress, "update", stop_after_two_epochs)
    stopped = Sampled(negatives="block", epochs=100).solve(toy, 2, Negatives(K, noise))
    monkeypatch.undo()
    monkeypatch.setattr(blocks, "shortest", lambda device: torch.float32)
    monkeypatch.setattr(blocks, "BLOCK_ROWS", 4)
    monkeypatch.setattr(blocks, "DRAWS", 3)
    monkeypatch.setattr(blocks, "DOUBLINGS", 0)
    whole = Sampled(negatives="block", epochs=2).solve(toy, 2, Negatives(K, noise))
    assert stopped.status == "interrupted"
    np.testing.assert_array_equal(stopped.V, whole.V)


def test_the_cost_of_an_epoch_does_not_see_how_often_a_triple_was_counted(toy, small_blocks):
    """Counts a thousand times as large take the same steps to the same vectors."""
    noise = sp.noise_distribution(toy)
    many = sp.CooccurrenceCounts.from_matrix(toy.matrix * 1024)
    once, often = (Sampled(negatives="block", epochs=3).solve(counts, 2, Negatives(K, noise)) for counts in (toy, many))
    assert once.history["step"].tolist() == often.history["step"].tolist()
    np.testing.assert_allclose(once.V @ once.U.T, often.V @ often.U.T, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_both_devices_agree(words300):
    noise = sp.noise_distribution(words300)
    here, there = (BLOCK.solve(words300, 3, Negatives(K, noise), device=device).objective for device in ("cpu", "cuda"))
    assert here == pytest.approx(there, rel=0.02)  # their generators draw other starts


# Which scheme


@pytest.mark.parametrize(
    ("options", "triples", "scheme"),
    [
        ({}, 10_000, "pair"),
        ({}, 10_001, "block"),
        ({"negatives": "block"}, 10, "block"),
        ({"negatives": "pair"}, 10**9, "pair"),
        ({"lr": 1e-3}, 10**9, "pair"),
        ({"normalization": "batch"}, 10**9, "pair"),
        ({"epochs": 3, "init": "normal"}, 10**9, "block"),
    ],
)
def test_the_scheme_follows_size_and_options(options, triples, scheme):
    Sampled(**options).check()
    assert Sampled(**options).scheme(triples) == scheme


def test_the_default_epochs_follow_scheme_and_size():
    asked = [("pair", 10), ("pair", 10**9), ("block", 10), ("block", 10**6), ("block", 10**6 + 1)]
    assert [default_epochs(*each) for each in asked] == [200, 200, 50, 50, 10]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"negatives": "row"}, "negatives=row: must be one of pair, block"),
        ({"negatives": "block", "lr": 0.1}, "lr=0.1: is an option of negatives=pair"),
        ({"negatives": "block", "normalization": "batch"}, "normalization=batch: is an option of negatives=pair"),
        ({"negatives": "block", "epochs": 0}, "epochs=0: must be"),
    ],
)
def test_refusals_name_the_field(options, message):
    with pytest.raises(sp.InputError, match=f"^{message}"):
        Sampled(**options).check()


@pytest.mark.parametrize("strength", [0.0, 1e-4])
def test_factors_are_canonical_with_a_penalty_and_without(words300, strength):
    """VᵀW_rV = UᵀW_cU, diagonal: cosines do not hang on the start, as they would after 3 epochs of a penalty."""
    noise = sp.noise_distribution(words300, exponent=0.75)
    ridge = Ridge.of(words300, strength) if strength else None
    found = Sampled(negatives="block", epochs=3).solve(words300, 3, Negatives(K, noise), ridge=ridge)
    row_metric = found.V.T @ (found.V * (words300.row_sums / words300.total)[:, None])
    col_metric = found.U.T @ (found.U * noise[:, None])
    np.testing.assert_allclose(row_metric, col_metric, atol=1e-4 * np.trace(row_metric))
    np.testing.assert_allclose(row_metric, np.diag(np.diag(row_metric)), atol=1e-4 * np.trace(row_metric))
