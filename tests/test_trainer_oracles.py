"""The engines and the flow's right-hand side, written out as loops over runs, points, patches and neurons."""

import math

import numpy as np
import pytest
import torch

from cgro_theory.errors import InvalidInput
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.patch_data import draw_dense_problem
from cgro_theory.trainer.compiled_descent import subspace_engine
from cgro_theory.trainer.engines import DenseEngine, SubspaceEngine, attacked_signal_gain
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.reduction import draw_subspace_problem, reduce_dense_problem
from cgro_theory.trainer.reduction import written_out as dense_of


def a_setting(degree, **changes):
    values = {
        "patch_dimension": 40, "num_samples": 3, "num_patches": 3, "width": 2, "degree": degree,
        "signal_strength": 1.5, "noise_std": 0.2, "init_std": 0.3, "attacked_signal_fraction": 0.4,
        "adversarial_weight": 0.3,
    }  # fmt: skip
    return PatchSetting(**(values | changes))


def power(x, q):
    return math.copysign(abs(x) ** q, x)


def written_out(setting, labels, gram, u, v, adversary):
    """U, V, the objective, attacked margins and the slopes of u and v, as sums over everything."""
    q, n, width, patches = setting.degree, setting.num_noise, setting.width, setting.noise_patches
    signal = sum(power(x, q) for x in u)
    kept = setting.attacked_signal_fraction
    if adversary is AdversaryName.SPAN and signal < 0:
        kept = 2 - kept
    gains = 1.5**q, power(kept * 1.5, q)
    margins = [
        labels[i] * sum(power(v[k][r], q) for k in range(i * patches, (i + 1) * patches) for r in range(width))
        for i in range(setting.num_samples)
    ]
    weights = 1 - setting.adversarial_weight, setting.adversarial_weight
    objective, pulls = 0.0, [[], []]
    for side in range(2):
        for margin in margins:
            z = gains[side] * signal + margin
            objective += weights[side] * math.log1p(math.exp(-z)) / setting.num_samples
            pulls[side].append(weights[side] / (1 + math.exp(z)))
    slope_u = [
        q * abs(x) ** (q - 1) * sum(gains[side] * sum(pulls[side]) / setting.num_samples for side in range(2))
        for x in u
    ]
    slope_v = [
        [
            q / setting.num_samples * sum(
                gram[k][j] * labels[j // patches] * (pulls[0][j // patches] + pulls[1][j // patches])
                * abs(v[j][r]) ** (q - 1)
                for j in range(n)
            )
            for r in range(width)
        ]
        for k in range(n)
    ]  # fmt: skip
    return signal, margins, objective, [gains[1] * signal + margin for margin in margins], slope_u, slope_v


def parts(problem, run):
    return [x[run] for x in (problem.labels, problem.gram, problem.signal_projections, problem.preactivations)]


@pytest.mark.parametrize("degree", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("adversary", [AdversaryName.TRANSFER, AdversaryName.SPAN])
def test_both_engines_and_the_flow_are_what_is_written_out(degree, adversary):
    setting = a_setting(degree)
    dense = draw_dense_problem(setting, (881000, 881001, 881002, 881003))
    problem, rate = reduce_dense_problem(dense), 0.05
    engines = [kind(problem, rate, adversary) for kind in (SubspaceEngine, subspace_engine)]
    engines.append(DenseEngine(dense, rate, adversary))
    signs = set()
    kept = torch.tensor([3, 1])
    for engine in engines:
        for selected in (False, True):
            if selected:
                engine = type(engine)(dense if isinstance(engine, DenseEngine) else problem, rate, adversary)
                engine.select(kept)
            runs = [3, 1] if selected else range(4)
            signal, noise = engine.evaluate()
            objective, attacked = engine.objective(), engine.attacked_margins()
            expected = [written_out(setting, *parts(problem, run), adversary) for run in runs]
            for row, told in enumerate(expected):
                assert float(signal[row]) == pytest.approx(told[0], rel=1e-9)
                assert noise[row].numpy() == pytest.approx(told[1], rel=1e-8, abs=1e-12)
                assert float(objective[row]) == pytest.approx(told[2], rel=1e-9)
                assert attacked[row].numpy() == pytest.approx(told[3], rel=1e-8)
                signs.add(told[0] > 0)
            engine.update()
            after = engine.state()
            for row, run in enumerate(runs):
                _, _, u, v = parts(problem, run)
                told = expected[row]
                assert after.signal_projections[row].numpy() == pytest.approx(
                    u + rate * np.array(told[4]), rel=1e-9
                )
                assert after.preactivations[row].numpy() == pytest.approx(
                    v + rate * np.array(told[5]), rel=1e-7, abs=1e-12
                )
    assert signs == {True, False}
    for run in range(4):
        system = FlowSystem(problem, run, adversary)
        told = written_out(setting, *parts(problem, run), adversary)
        found = system.derivative(system.initial)
        assert found[:2] == pytest.approx(told[4], rel=1e-9)
        assert found[2:] == pytest.approx(np.ravel(told[5]), rel=1e-9)
        assert system.margins(system.initial) == pytest.approx([told[0], *told[1]], rel=1e-9)
        assert system.signal_sign == (1.0 if told[0] >= 0 else -1.0)
        wide = ((2 - 0.4) * 1.5) ** degree
        assert system.gains(-1.0) == pytest.approx(
            (1.5**degree, wide if adversary is AdversaryName.SPAN else 0.6**degree)
        )
        assert system.gains(1.0) == pytest.approx((1.5**degree, 0.6**degree))


@pytest.mark.parametrize("degree", [2, 3])
def test_the_flows_clock_ticks_once_per_relative_change(degree):
    """dτ/dclock = tick/(t + t_c) and dy/dclock = tick · dy/dt, with 1/tick = 1/(t + t_c) + rate."""
    system = FlowSystem(draw_subspace_problem(a_setting(degree), (881004,)), 0, AdversaryName.TRANSFER)
    slope = system.derivative(system.initial)
    u, v, du, dv = *system.split(system.initial), *system.split(slope)
    shares = [float(du @ du) / (float(u @ u) * (1 + 1e-4))]
    shares += [float(dv[k] @ dv[k]) / (float(v[k] @ v[k]) * (1 + 1e-4)) for k in range(6)]
    rate = sum(share**2 for share in shares) ** 0.25
    assert system.rate(system.initial, slope) == pytest.approx(rate, rel=1e-9)
    assert system.time_scale == pytest.approx(0.01 / rate, rel=1e-9)
    for time in (0.0, 3.0 * system.time_scale):
        log_time = float(system.log_time(time))
        assert math.exp(log_time) == pytest.approx(1 + time / system.time_scale)
        assert system.time_at(log_time) == pytest.approx(time, abs=1e-15)
        found = system.in_clock(7.0, np.append(system.initial, log_time))
        tick = 1 / (1 / (time + system.time_scale) + rate)
        assert found[:-1] == pytest.approx(tick * slope, rel=1e-9)
        assert found[-1] == pytest.approx(tick / (time + system.time_scale), rel=1e-9)


def test_a_projection_that_crossed_zero_stands_still_and_the_attack_jumps_once():
    setting = a_setting(2)
    seeds = range(881010, 881040)
    problem = draw_subspace_problem(setting, tuple(seeds))
    run = next(k for k in range(30) if (problem.signal_projections[k].prod() < 0))
    system = FlowSystem(problem, run, AdversaryName.SPAN)
    crossed = system.initial.copy()
    crossed[:2] *= -1.0
    assert system.derivative(crossed)[:2].tolist() == [0.0, 0.0]
    negative = next(
        k
        for k in range(30)
        if float((problem.signal_projections[k] * np.abs(problem.signal_projections[k])).sum()) < 0
    )
    for adversary, jumps in ((AdversaryName.SPAN, True), (AdversaryName.TRANSFER, False)):
        system = FlowSystem(problem, negative, adversary)
        assert system.jumps_to(system.initial) is None
        state = system.initial.copy()
        state[:2] = np.abs(state[:2])
        assert (system.jumps_to(state) is not None) is jumps
    with pytest.raises(InvalidInput):
        FlowSystem(problem, 0, AdversaryName.L2)


def test_the_worst_shift_in_the_span_widens_a_negative_signal():
    found = attacked_signal_gain(a_setting(3), torch.tensor([-0.1, 0.0, 0.2], dtype=torch.float64))
    assert found.tolist() == pytest.approx([(1.6 * 1.5) ** 3, 0.6**3, 0.6**3])


@pytest.mark.parametrize("patches", [2, 3])
def test_a_reduced_problem_has_all_inner_products_of_the_dense_one(patches):
    setting = a_setting(3, num_patches=patches)
    dense = draw_dense_problem(setting, (881005, 881006))
    reduced = reduce_dense_problem(dense)
    back = dense_of(reduced)
    for run in range(2):
        for problem in (back,):
            noise, old = (
                problem.noise[run].reshape(setting.num_noise, -1),
                dense.noise[run].reshape(setting.num_noise, -1),
            )
            assert torch.allclose(noise @ noise.T, old @ old.T, atol=1e-12)
            assert torch.allclose(problem.weights[run] @ noise.T, dense.weights[run] @ old.T, atol=1e-12)
            assert torch.allclose(
                problem.weights[run] @ problem.weights[run].T,
                dense.weights[run] @ dense.weights[run].T,
                atol=1e-12,
            )
            assert torch.allclose(
                problem.weights[run] @ problem.feature, dense.weights[run] @ dense.feature, atol=1e-14
            )
            assert float((noise @ problem.feature).abs().max()) == 0.0
    assert back.feature.shape == (1 + setting.num_noise + setting.width,)
    assert int(back.signal_position.abs().max()) == 0
    gram = reduced.weight_gram_at(reduced.preactivations)
    along = torch.as_tensor(reduced.signal_projections)
    expected = dense.weights @ dense.weights.mT - along[:, :, None] * along[:, None, :]
    assert np.allclose(gram, expected, atol=1e-12)


def test_noise_along_the_signal_or_dependent_noise_is_refused():
    from dataclasses import replace

    dense = draw_dense_problem(a_setting(3), (881007,))
    tilted = dense.noise.clone()
    tilted[0, 0, 0] += 1e-6 * dense.feature
    with pytest.raises(InvalidInput, match="orthogonal"):
        reduce_dense_problem(replace(dense, noise=tilted))
    barely = dense.noise.clone()
    longest = float(barely.norm(dim=-1).max())
    barely[0, 0, 0] += 1.3e-8 * longest * dense.feature  # the root of the rounding unit is 1.49e-8
    reduce_dense_problem(replace(dense, noise=barely))
    for size in (1e-4, 1e4):
        barely[0, 0, 0] += 4e-9 * longest * dense.feature
        with pytest.raises(InvalidInput, match="orthogonal"):
            reduce_dense_problem(replace(dense, noise=size * barely))
        barely[0, 0, 0] -= 4e-9 * longest * dense.feature
        reduce_dense_problem(replace(dense, noise=size * barely))
    # Judged against the longest patch: a tiny second one does not make a tilt of 1e-9 large.
    short = dense.noise.clone()
    short[0, 1, 0] *= 1e-5
    short[0, 0, 0] += 1e-9 * dense.feature
    reduce_dense_problem(replace(dense, noise=short))
    equal = dense.noise.clone()
    equal[0, 1, 0] = equal[0, 0, 0]
    with pytest.raises(InvalidInput, match="dependent"):
        reduce_dense_problem(replace(dense, noise=equal))
    with pytest.raises(InvalidInput, match=">= 7"):
        reduce_dense_problem(draw_dense_problem(a_setting(3, patch_dimension=6), (0,)))
