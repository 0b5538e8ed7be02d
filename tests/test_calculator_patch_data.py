"""The calculator's theorem-1 side: leading orders against mpmath, errors against quadrature, files refused."""

import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cgro_theory.calculator.drawn_stages import drawn_stages, subspace_draw
from cgro_theory.calculator.fresh_point import FreshPointLaw, fresh_point_errors
from cgro_theory.calculator.noise_margin_tail import noise_margin_variance, tail_bounds
from cgro_theory.calculator.stages import RegimeExponents, stages
from cgro_theory.calculator.trained_weights import WeightScales, law_of_weights, load_law
from cgro_theory.calculator.typical_draw import expected_maximum
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.numerics.arb import exact, lower_float, precision, upper_float
from cgro_theory.setting import PatchSetting
from cgro_theory.setting.noise_margin_law import NoiseMarginLaw
from cgro_theory.theorems.theorem_1_feature_learning.theory import boundaries as boundary
from cgro_theory.theorems.theorem_1_feature_learning.theory import memorization as memorize
from cgro_theory.theorems.theorem_1_feature_learning.theory import overfitting
from cgro_theory.theorems.theorem_1_feature_learning.theory import signal as predict

mp = mpmath.mp.clone()
mp.dps = 50


def is_close(value, oracle, relative="1e-10"):
    return abs(mp.mpf(value) - oracle) <= mp.mpf(relative) * abs(oracle)


def oracle_maximum(count):
    """E max of n normals by quadrature around the mode of the largest."""
    work = mpmath.mp.clone()
    work.dps = 25
    top = work.sqrt(2 * work.log(count + 1))
    knots = sorted(
        {-13, -6, -3, -1, 0, 1, 2, *(top + k * work.mpf("0.5") for k in range(-4, 7)), top + 8, top + 20}
    )

    def log_below(x):
        return work.log1p(-work.ncdf(-x)) if x > 0 else work.log(work.ncdf(x))

    def density(x):
        return x * count * work.npdf(x) * work.exp((count - 1) * log_below(x))

    return work.quad(density, knots)


@pytest.mark.parametrize("count", [2, 3, 7, 24, 480, 10**5, 10**12, 10**60])
def test_the_expected_maximum_of_normals_agrees_with_quadrature(count):
    assert is_close(expected_maximum(count), mp.mpf(oracle_maximum(count)), "1e-11")


def test_the_expected_maximum_has_its_closed_forms():
    assert expected_maximum(1) == 0.0
    assert is_close(expected_maximum(2), 1 / mp.sqrt(mp.pi), "1e-13")
    assert is_close(expected_maximum(3), 3 / (2 * mp.sqrt(mp.pi)), "1e-13")
    assert is_close(
        expected_maximum(5), 5 / (4 * mp.sqrt(mp.pi)) + 15 * mp.asin(mp.mpf(1) / 3) / (2 * mp.pi**1.5), "1e-12"
    )


@st.composite
def patch_settings(draw):
    return PatchSetting.version_1(
        draw(st.one_of(st.integers(3, 10**6), st.integers(4, 18).map(lambda e: 10**e))),
        num_samples=draw(st.one_of(st.integers(1, 100), st.just(10**9))),
        num_patches=draw(st.integers(2, 4)),
        width=draw(st.integers(2, 60)),
        degree=draw(st.integers(2, 9)),
        signal_exponent=draw(st.floats(-0.5, 1.0)),
        noise_exponent=draw(st.floats(-1.0, 0.0)),
        init_exponent=draw(st.floats(-2.0, 0.0)),
        attacked_signal_fraction=draw(st.one_of(st.none(), st.floats(-1.0, 1.0), st.just(1e-300))),
        adversarial_weight=draw(st.floats(0.0, 1.0)),
    )


@given(patch_settings())
@example(PatchSetting.version_1(10**18, num_samples=1, signal_exponent=10.0, noise_exponent=-10.0, degree=9))
@settings(max_examples=80, deadline=None)
def test_the_stages_agree_with_mpmath(setting):
    answer = stages(setting)
    q, n = setting.degree, setting.num_samples
    alpha, sigma, start = (mp.mpf(x) for x in (setting.signal_strength, setting.noise_std, setting.init_std))
    lam, kappa = mp.mpf(setting.adversarial_weight), mp.mpf(setting.attacked_signal_fraction)
    u = start * mp.mpf(expected_maximum(setting.width))
    norm = sigma**2 * (setting.patch_dimension - 1)
    v = start * mp.sqrt(norm) * mp.mpf(expected_maximum(setting.num_noise * setting.width))
    gain = ((1 - lam) * alpha**q + lam * mp.sign(kappa) * abs(kappa * alpha) ** q) / 2
    signal, memory = answer["signal_time"], answer["memorization_time"]

    def time(first, speed, scale):
        if q == 2:
            return max(mp.mpf(0), -mp.log(scale * first)) / (2 * speed)
        return first ** (2 - q) / (q * (q - 2) * speed)

    if signal.absent:
        c = abs(kappa) ** q
        assert signal.value is None
        assert kappa <= 0
        assert lam == 1 or _root(mp.log((1 - lam) / (lam * c)), c) <= 1
    elif gain > 0:
        expected = time(u, gain, alpha)
        assert same_size(signal, expected)
    else:
        assert signal.value is None
    if lam == 0:
        assert memory.value is None
        return
    expected = time(v, lam * norm / (2 * n), mp.mpf(1))
    if memory.absent:
        assert memory.value is None
        assert kappa >= answer["memorization_boundary"].value
    elif kappa < 0 and lam < 1:
        c = abs(kappa) ** q
        ratio = mp.log((1 - lam) / (lam * c))
        z = _root(ratio, c)
        assert is_close(answer["resting_signal_margin"].value, z, "1e-9")
        assert is_close(answer["memorized_signal_margin"].value, ratio / (1 + c), "1e-9")
        pull = (1 - lam) / (1 + mp.exp(z)) + lam / (1 + mp.exp(-c * z))
        assert same_size(memory, expected * lam / (2 * pull))
    else:
        assert same_size(memory, expected)
    plateau = answer["plateau_signal_margin"]
    scale = expected * q**2 * alpha**2 * (1 - lam)
    if plateau.value is not None:
        z = mp.mpf(plateau.value)
        power = 2 - mp.mpf(2) / q
        assert z >= power * (1 - mp.mpf("1e-9"))
        # Newton's step from the value is within 1e-10 of it, away from the double root.
        if z > power + mp.mpf("1e-3"):
            step = (z - power * mp.log(z) - mp.log(scale)) / (1 - power / z)
            assert abs(step) <= mp.mpf("1e-10") * z
    elif plateau.absent == "no T_III":
        assert memory.absent
    elif plateau.absent:
        power = 2 - mp.mpf(2) / q
        z = -power * mp.lambertw(-(scale ** (-1 / power)) / power, -1).real
        assert lam * kappa**q * mp.exp(z) / (2 * (1 - lam)) > 1 - mp.mpf("1e-9") * max(z, 1)
    else:
        assert kappa < 0 or scale <= mp.e * (1 + mp.mpf("1e-12"))


def _root(ratio, c):
    """z with (1-λ)ψ(z) = λcψ(-cz), by bisection; ``ratio``: log((1-λ)/(λc))."""
    low, high = sorted((mp.mpf(0), 2 * ratio / (1 if ratio > 0 else c)))
    for _ in range(200):
        z = (low + high) / 2
        rises = ratio - mp.log1p(mp.exp(z)) + mp.log1p(mp.exp(-c * z)) > 0
        low, high = (z, high) if rises else (low, z)
    return (low + high) / 2


def same_size(quantity, oracle):
    if quantity.value is None:
        return False
    if quantity.value in (0.0, math.inf):
        return oracle == 0 or abs(mp.mpf(quantity.log10) - mp.log10(oracle)) <= mp.mpf("1e-10") * abs(
            mp.log10(oracle)
        )
    return is_close(quantity.value, oracle)


@pytest.mark.parametrize("degree", [2, 3, 4, 5])
@pytest.mark.parametrize("samples", [1, 20, 30])
def test_the_leading_orders_are_the_rooms_at_the_typical_draw(degree, samples):
    setting = PatchSetting.version_1(10**6, num_samples=samples, degree=degree, num_patches=3)
    norm = setting.noise_std**2 * (setting.patch_dimension - 1)
    v = setting.init_std * math.sqrt(norm) * expected_maximum(setting.num_noise * setting.width)
    draw = predict.InitialDraw(
        labels=np.ones(samples),
        signal_projections=np.array([setting.init_std * expected_maximum(setting.width)]),
        preactivations=np.full((setting.num_noise, 1), v),
        noise_gram=norm * np.eye(setting.num_noise),
    )
    answer = stages(setting)
    pairs = {
        "signal_time": predict.leading_signal_time(setting, draw),
        "memorization_time": memorize.leading_memorization_time(setting, draw),
        "overfitting_boundary": overfitting.leading_overfitting_boundary(setting, draw),
    }
    time = pairs["memorization_time"]
    pairs["plateau_signal_margin"] = predict.plateau_signal_margin(setting, time)
    if degree > 2:
        pairs["memorization_boundary"] = boundary.leading_memorization_boundary(setting, draw)
    for name, value in pairs.items():
        assert answer[name].value == pytest.approx(value, rel=1e-9), name


def test_exponents_are_the_slopes_of_the_leading_orders():
    regime = RegimeExponents(0.249, -0.509, 0.5)
    answer = stages(PatchSetting.version_1(10**4), regime)
    # λ_attacked → 0, so that the gain is a power of d: fixed tiny κ.
    ends = [stages(PatchSetting.version_1(d, attacked_signal_fraction=0.0)) for d in (10**12, 10**14)]
    for time in ("signal_time", "memorization_time"):
        slope = math.log10(ends[1][time].value / ends[0][time].value) / 2
        assert answer[f"{time}_exponent"].value == pytest.approx(slope, abs=1e-9)


def test_unmet_assumptions_are_named():
    plain = PatchSetting.version_1(10**4)
    assert stages(plain).unmet == ()
    assert any("λ" in each for each in stages(replace(plain, adversarial_weight=1.0)).unmet)
    assert any("κ >= 0" in each for each in stages(replace(plain, attacked_signal_fraction=-0.1)).unmet)
    single = stages(replace(plain, width=1))
    assert single["signal_time"].value is None
    assert any("m >= 2" in each for each in single.unmet)
    assert "CGRO" in stages(plain).notes[0]


@pytest.mark.parametrize("seed", [0, 7])
def test_a_draw_is_that_of_the_trainer(seed):
    reduction = pytest.importorskip("cgro_theory.trainer.reduction")
    setting = PatchSetting.version_1(500, num_samples=5, num_patches=3, width=6)
    problem = reduction.draw_subspace_problem(setting, (seed,))
    draw = subspace_draw(setting, seed)
    assert np.array_equal(draw.labels, problem.labels[0])
    assert np.array_equal(draw.signal_projections, problem.signal_projections[0])
    assert np.allclose(draw.preactivations, problem.preactivations[0], rtol=1e-12, atol=1e-18)
    assert np.allclose(draw.noise_gram, problem.gram[0], rtol=1e-12, atol=1e-18)


def test_drawn_stages_enclose_and_say_what_is_missing():
    answer = drawn_stages(PatchSetting.version_1(10**6), seed=0)
    for name in ("signal_time", "memorization_time", "overfitting_boundary", "memorization_boundary"):
        assert 0.0 < answer[name].low < answer[name].high < math.inf
    assert answer.unmet == ()
    plain = drawn_stages(PatchSetting.version_1(10**6, adversarial_weight=0.0), seed=0)
    assert plain["memorization_time"].low is None
    assert "attacked points are trained on" in plain["memorization_time"].note
    with pytest.raises(InvalidInput, match="patch_dimension"):
        drawn_stages(PatchSetting.version_1(10), seed=0)
    with pytest.raises(InvalidInput, match="seed"):
        drawn_stages(PatchSetting.version_1(10**4), seed=-1)


@given(st.floats(-300, 3).map(lambda e: 10.0**e), st.floats(-12, 12).map(lambda e: 10.0**e), st.integers(2, 9))
@example(1e-300, 1e-12, 9)
@settings(max_examples=100, deadline=None)
def test_one_neuron_and_one_patch_give_the_exact_error(variance, margin, degree):
    answer = fresh_point_errors(FreshPointLaw.isotropic(margin, 0.5, variance, 1, degree))
    for kind, threshold in (("clean", mp.mpf(margin)), ("robust", mp.mpf(margin) * mp.mpf("0.5") ** degree)):
        oracle = mp.erfc(threshold ** (mp.mpf(1) / degree) / mp.sqrt(2 * mp.mpf(variance))) / 2
        low, high = answer[f"{kind}_test_error_lower"].value, answer[f"{kind}_test_error_upper"].value
        assert mp.mpf(low) <= oracle <= mp.mpf(high)
        if oracle > mp.mpf("1e-290"):
            assert is_close(low, oracle)
            assert is_close(high, oracle)


def polar_tail(covariance, degree, patches, threshold):
    """P(|V| > c) for J·m = 2 by the radius' closed form and the periodic trapezoidal rule over the angle."""
    angle = 2 * np.pi * (np.arange(400_000) + 0.5) / 400_000
    normals = np.stack([np.cos(angle), np.sin(angle)])
    if patches == 2:
        g = math.sqrt(covariance[0][0]) * normals
    else:
        g = np.linalg.cholesky(np.array(covariance)) @ normals
    margin = np.abs((np.sign(g) * np.abs(g) ** degree).sum(axis=0))
    with np.errstate(divide="ignore", over="ignore"):
        return float(np.exp(-0.5 * (threshold / margin) ** (2.0 / degree)).mean())


@given(
    st.floats(0.05, 2.0),
    st.floats(0.05, 2.0),
    st.floats(-0.95, 0.95),
    st.integers(2, 5),
    st.floats(-3, 2).map(lambda e: 10.0**e),
)
@settings(max_examples=50, deadline=None)
def test_two_neurons_or_patches_lie_between_the_bounds(first, second, correlation, degree, threshold):
    shared = correlation * math.sqrt(first * second)
    for covariance, patches in (([[first, shared], [shared, second]], 1), ([[first]], 2)):
        truth = polar_tail(covariance, degree, patches, threshold)
        with precision(256):
            bounds = tail_bounds(exact(threshold), covariance, degree, patches)
            assert lower_float(bounds.low) <= truth + 1e-5
            assert upper_float(bounds.high) >= truth - 1e-5
            for _, ball, _ in bounds.high_terms:
                assert upper_float(ball) >= truth - 1e-5


@given(st.integers(2, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_the_variance_of_the_noise_margin_agrees_with_the_law(degree, patches, seed):
    factor = np.random.default_rng(seed).standard_normal((4, 5))
    covariance = factor @ factor.T
    covariance = (covariance + covariance.T) / 2
    with precision(256):
        ball = noise_margin_variance(covariance.tolist(), degree, patches)
    assert float(ball.mid()) == pytest.approx(NoiseMarginLaw(covariance, degree, patches).variance, rel=1e-10)


@given(st.lists(st.floats(1e-3, 10.0), min_size=3, max_size=3), st.floats(-0.9, 0.9))
def test_the_cubic_variance_is_the_printed_formula(variances, correlation):
    shared = correlation * min(variances) / 3
    covariance = [[variances[r] if r == s else shared for s in range(3)] for r in range(3)]
    oracle = mp.mpf(0)
    for r in range(3):
        for s in range(3):
            rr, ss, rs = (mp.mpf(covariance[a][b]) for a, b in ((r, r), (s, s), (r, s)))
            oracle += 9 * rr * ss * rs + 6 * rs**3
    with precision(256):
        ball = noise_margin_variance(covariance, 3, 2)
        low, high = lower_float(ball), upper_float(ball)
    assert mp.mpf(low) <= 2 * oracle * (1 + mp.mpf("1e-40"))
    assert mp.mpf(high) >= 2 * oracle * (1 - mp.mpf("1e-40"))
    assert is_close(low, 2 * oracle)


def test_a_negative_signal_turns_the_error_around():
    right = fresh_point_errors(FreshPointLaw.isotropic(0.5, 1.0, 0.1, 5))
    wrong = fresh_point_errors(FreshPointLaw.isotropic(-0.5, 1.0, 0.1, 5))
    for kind in ("clean", "robust"):
        assert wrong[f"{kind}_test_error_lower"].value == pytest.approx(
            1 - right[f"{kind}_test_error_upper"].value
        )
        assert wrong[f"{kind}_test_error_upper"].value == pytest.approx(
            1 - right[f"{kind}_test_error_lower"].value
        )
    attacked = fresh_point_errors(FreshPointLaw.isotropic(-0.5, 0.0, 0.1, 5))
    assert attacked["robust_test_error_lower"].terms[0].value == pytest.approx(-4.0)


def test_degenerate_laws_have_their_errors():
    silent = fresh_point_errors(FreshPointLaw.isotropic(0.5, 0.5, 0.0, 3))
    assert silent["clean_test_error_upper"].value == 0.0
    lost = fresh_point_errors(FreshPointLaw.isotropic(0.5, 0.0, 0.1, 3))
    assert lost["robust_test_error_lower"].value == lost["robust_test_error_upper"].value == 0.5
    singular = fresh_point_errors(FreshPointLaw(0.5, 0.5, ((1.0, 1.0), (1.0, 1.0))))
    assert 0.0 <= singular["clean_test_error_lower"].value <= singular["clean_test_error_upper"].value <= 0.5


def test_an_estimate_lies_between_the_rigorous_bounds_even_where_sampling_fails():
    answer = fresh_point_errors(FreshPointLaw.isotropic(3.0, 0.1, 0.01, 24), directions=256)
    clean = answer["clean_test_error_estimate"]
    assert clean.value >= answer["clean_test_error_lower"].value
    assert "violates a rigorous bound" in clean.note
    robust = answer["robust_test_error_estimate"]
    assert answer["robust_test_error_lower"].value <= robust.low <= robust.value <= robust.high <= 0.5


def weight_file(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_weights_from_a_file_give_the_law_of_their_projections(tmp_path):
    rng = np.random.default_rng(3)
    weights, feature = rng.standard_normal((4, 6)), rng.standard_normal(6)
    feature /= np.linalg.norm(feature)
    scales = WeightScales(2.0, 0.3, 0.25)
    law = load_law(weight_file(tmp_path / "w.npz", weights=weights, feature=feature), scales=scales)
    u = weights @ feature
    assert law.signal_margin == pytest.approx(8.0 * (u**3).sum())
    covariance = 0.09 * (weights @ weights.T - np.outer(u, u))
    assert np.allclose(law.covariance, covariance)
    assert law.covariance == law_of_weights(weights, feature, scales).covariance
    first = load_law(weight_file(tmp_path / "first.npz", weights=weights), scales=scales)
    assert first.signal_margin == pytest.approx(8.0 * (weights[:, 0] ** 3).sum())


def test_saved_trajectories_give_the_law_at_the_end_of_a_run(tmp_path):
    descent = pytest.importorskip("cgro_theory.trainer.descent")
    reduction = pytest.importorskip("cgro_theory.trainer.reduction")
    setting = PatchSetting.version_1(300, num_samples=4, width=5)
    runs = descent.train(reduction.draw_subspace_problem(setting, (0, 1)), learning_rate=0.05, steps=40)
    runs.save(tmp_path / "runs.npz")
    law = load_law(tmp_path / "runs.npz", run=1)
    assert law.signal_margin == pytest.approx(runs.final_signal_margin[1])
    assert np.allclose(law.covariance, runs.final_noise_margin_laws()[1].covariance)
    with pytest.raises(InvalidInput, match="run"):
        load_law(tmp_path / "runs.npz", run=2)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"not numpy"])
def test_files_that_are_no_arrays_are_refused(tmp_path, content):
    path = tmp_path / "bad.npz"
    path.write_bytes(content)
    with pytest.raises(InvalidFile):
        load_law(path)


def test_foreign_or_executable_files_are_refused(tmp_path):
    with pytest.raises(InvalidFile):
        load_law(tmp_path / "missing.npz")
    with pytest.raises(InvalidFile, match="neither"):
        load_law(weight_file(tmp_path / "other.npz", numbers=np.ones(3)))
    with pytest.raises(InvalidFile):
        load_law(weight_file(tmp_path / "pickle.npz", weights=np.array([{"a": 1}], dtype=object)))
    header = np.array('{"schema": "cgro-trajectory-arrays/9"}')
    foreign = weight_file(tmp_path / "f.npz", header=header, final_weight_gram=np.ones(1), final_signal=np.ones(1))
    with pytest.raises(InvalidFile, match="schema"):
        load_law(foreign)
    with pytest.raises(InvalidInput, match="signal-strength"):
        load_law(weight_file(tmp_path / "bare.npz", weights=np.ones((2, 3))))


@pytest.mark.parametrize(
    "bad",
    [
        lambda: FreshPointLaw.isotropic(math.nan, 0.5, 1.0, 2),
        lambda: FreshPointLaw.isotropic(1.0, 1.5, 1.0, 2),
        lambda: FreshPointLaw.isotropic(1.0, 0.5, -1.0, 2),
        lambda: FreshPointLaw.isotropic(1.0, 0.5, 1.0, 0),
        lambda: FreshPointLaw(1.0, 0.5, ((1.0,), (1.0, 1.0))),
        lambda: FreshPointLaw(1.0, 0.5, ((-1.0,),)),
        lambda: law_of_weights(np.ones((2, 3)), np.ones(3), WeightScales(1.0, 1.0, 0.5)),
        lambda: law_of_weights(np.ones((2, 3)), np.eye(3)[0], WeightScales(0.0, 1.0, 0.5)),
        lambda: expected_maximum(0),
    ],
)
def test_invalid_laws_are_refused(bad):
    with pytest.raises(InvalidInput):
        bad()


def test_huge_correlations_are_bounded_too():
    nearly = 1.0 - 2.0**-52
    with precision(256):
        ball = noise_margin_variance([[1.0, nearly], [nearly, 1.0]], 2, 1)
    assert float(ball.mid()) == pytest.approx(12.0, rel=1e-6)
