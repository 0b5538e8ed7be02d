"""Slow, naive, independent routes to the same numbers: loops over mpmath numbers, no code of the package."""

import mpmath as mp
from scipy import special


def sigmoid_loss(values, label):
    """1/(1 + exp(y f)), element by element."""
    return special.expit(-label * values)


def phi(z, degree):
    """sgn(z)|z|^q."""
    return mp.sign(z) * abs(z) ** degree


def phi_slope(z, degree):
    """q|z|^(q-1)."""
    return degree * abs(z) ** (degree - 1)


def descend(weights, signals, noise, labels, degree, adversarial_weight, kappa, rate, steps, digits=40):
    """Gradient descent on explicit weight vectors, one coordinate at a time.

    ``weights[r]``, ``signals[i]`` (= α y_i w*) and ``noise[i][j]`` are lists of numbers. Returns the weights.
    """
    with mp.workdps(digits):
        w = [[mp.mpf(x) for x in row] for row in weights]
        patches = [
            [[mp.mpf(x) for x in signal], *[[mp.mpf(x) for x in patch] for patch in own]]
            for signal, own in zip(signals, noise, strict=True)
        ]
        attacked = [[[mp.mpf(kappa) * x for x in point[0]], *point[1:]] for point in patches]
        lam, eta, count = mp.mpf(adversarial_weight), mp.mpf(rate), len(labels)

        def dot(a, b):
            return mp.fsum(x * y for x, y in zip(a, b, strict=True))

        for _ in range(steps):
            gradient = [[mp.mpf(0)] * len(row) for row in w]
            for data, share in ((patches, 1 - lam), (attacked, lam)):
                for point, label in zip(data, labels, strict=True):
                    output = mp.fsum(phi(dot(row, patch), degree) for row in w for patch in point)
                    pull = share * label / (1 + mp.exp(label * output)) / count
                    for r, row in enumerate(w):
                        for patch in point:
                            slope = pull * phi_slope(dot(row, patch), degree)
                            gradient[r] = [g - slope * x for g, x in zip(gradient[r], patch, strict=True)]
            w = [
                [x - eta * g for x, g in zip(row, grad, strict=True)]
                for row, grad in zip(w, gradient, strict=True)
            ]
        return [[float(x) for x in row] for row in w]


def clopper_pearson(successes, trials, failure_probability):
    """By bisection on the binomial sum."""
    with mp.workdps(40):
        tail = mp.mpf(failure_probability) / 2

        def at_least(p, k):
            terms = (mp.binomial(trials, j) * p**j * (1 - p) ** (trials - j) for j in range(k, trials + 1))
            return mp.fsum(terms)

        def bisect(function):
            low, high = mp.mpf(0), mp.mpf(1)
            for _ in range(120):
                middle = (low + high) / 2
                low, high = (middle, high) if function(middle) < 0 else (low, middle)
            return (low + high) / 2

        low = 0 if successes == 0 else bisect(lambda p: at_least(p, successes) - tail)
        high = 1 if successes == trials else bisect(lambda p: tail - (1 - at_least(p, successes + 1)))
        return float(low), float(high)


def activation_covariance(c_rr, c_ss, c_rs, degree, terms=400):
    """E[phi_q(x) phi_q(y)] by Mehler's series: Σ_k c_k² k! ρ^k with c_k the Hermite coefficients of phi_q."""
    with mp.workdps(300):
        c_rr, c_ss, c_rs = map(mp.mpf, (c_rr, c_ss, c_rs))
        correlation = c_rs / mp.sqrt(c_rr * c_ss)

        def half_moment(order):
            return mp.mpf(2) ** (order / mp.mpf(2)) * mp.gamma((order + 1) / mp.mpf(2)) / mp.sqrt(mp.pi)

        total, before, hermite = mp.mpf(0), [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
        for k in range(1, terms):
            if k % 2 == 1:
                moment = mp.fsum(c * half_moment(degree + i) for i, c in enumerate(hermite) if c)
                total += moment**2 / mp.factorial(k) * correlation**k
            shifted = [mp.mpf(0), *hermite]
            following = [s - k * b for s, b in zip(shifted, [*before, 0, 0], strict=True)]
            before, hermite = hermite, following
        return float((c_rr * c_ss) ** (degree / mp.mpf(2)) * total)
