"""Claim: the one quadrature rule gives normalisation, moments and distribution of the truncated power law, for any α.

Witness: the generalised exponential integral of mpmath, E_α(z), its neighbours and its derivatives. With t = eᵘ,
⟨tᵏ⟩ = E_{α−k}/E_α, ⟨u⟩ = −∂ ln E/∂α, var u = ∂² ln E/∂α², cov(u, t) = −∂⟨t⟩/∂α, and the mass above u is
e^{(1−α)u}·E_α(z·eᵘ)/E_α(z).
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from triplepoint.fits._tilted import distribution, moments, w

CASES = [
    (alpha, z)
    for alpha in (-250.0, -8.0, -0.5, 0.0, 1.0, 1.5, 2.0, 3.3, 8.0, 60.0)
    for z in (1e-18, 1e-9, 1e-4, 0.3, 20.0, 500.0)
    # mpmath takes seconds where the peak lies at large u; the range of u is the same as with α = −8.
    if not (alpha < -8 and z < 20)
]


def exact(alpha: float, z: float) -> dict[str, float]:
    with mpmath.workdps(60):
        a, x = mpmath.mpf(alpha), mpmath.mpf(z)
        log = lambda b: mpmath.log(mpmath.expint(b, x))  # noqa: E731
        t1, t2 = (mpmath.exp(log(a - k) - log(a)) for k in (1, 2))
        h = mpmath.mpf(10) ** -15
        up, down, middle = log(a + h), log(a - h), log(a)
        u = -(up - down) / (2 * h)
        var_u = (up - 2 * middle + down) / h**2
        cov_ut = -(mpmath.exp(log(a + h - 1) - up) - mpmath.exp(log(a - h - 1) - down)) / (2 * h)
        values = {
            "log_norm": middle + x,
            "u": u,
            "w": t1 - 1 - u,
            "var_u": var_u,
            "var_w": t2 - t1**2 - 2 * cov_ut + var_u,
            "cov": cov_ut - var_u,
        }
        return {name: float(value) for name, value in values.items()}


def found(alpha: float, z: float) -> dict[str, float]:
    m = moments(np.array([alpha - 1 + z]), np.array([z]))
    # From s about the peak back to u: u = p + s, w(u) = e^p·w(s) + (e^p − 1)·s + w(p).
    p, scale, rise = m.peak, np.exp(m.peak), np.expm1(m.peak)
    values = {
        "log_norm": m.log_norm,
        "u": p + m.mean_s,
        "w": scale * m.mean_w + rise * m.mean_s + w(p),
        "var_u": m.var_s,
        "var_w": scale**2 * m.var_w + 2 * scale * rise * m.cov + rise**2 * m.var_s,
        "cov": scale * m.cov + rise * m.var_s,
    }
    return {name: float(value[0]) for name, value in values.items()}


@pytest.mark.parametrize(("alpha", "z"), CASES)
def test_normalisation_and_moments_are_those_of_the_exponential_integral(alpha, z):
    theirs, ours = exact(alpha, z), found(alpha, z)
    assert ours["log_norm"] == pytest.approx(theirs["log_norm"], abs=1e-12, rel=1e-14)
    for name in ("u", "w"):
        assert ours[name] == pytest.approx(theirs[name], rel=2e-13, abs=0), name
    for name in ("var_u", "var_w", "cov"):
        assert ours[name] == pytest.approx(theirs[name], rel=1e-11, abs=0), name


@pytest.mark.parametrize(("alpha", "z"), CASES)
def test_the_distribution_is_the_incomplete_integral(alpha, z):
    mean, spread = found(alpha, z)["u"], np.sqrt(found(alpha, z)["var_u"])
    u = np.r_[0.0, np.maximum(mean + spread * np.array([-3, -1, -0.2, 0, 0.4, 1, 2, 4]), 0.0)]
    with mpmath.workdps(60):
        whole = mpmath.expint(alpha, z)
        above = [
            mpmath.exp((1 - mpmath.mpf(alpha)) * mpmath.mpf(v))
            * mpmath.expint(alpha, z * mpmath.exp(mpmath.mpf(v)))
            / whole
            for v in u
        ]
    expected = np.array([float(1 - value) for value in above])
    ours = distribution(np.array([alpha - 1 + z]), np.array([z]), u[None])[0]
    # Where z is tiny and α low the panels are long: the interpolant is 2e-10 off though the moments are not.
    assert ours == pytest.approx(expected, abs=1e-12 if z > 1e-10 else 1e-9)


def test_members_of_a_batch_do_not_see_each_other():
    beta, z = np.array([alpha - 1 + z for alpha, z in CASES]), np.array([z for _, z in CASES])
    together, u = moments(beta, z), np.linspace(0, 2, 7)[None]
    shares = distribution(beta, z, u)
    for i in range(beta.size):
        alone = moments(beta[i : i + 1], z[i : i + 1])
        assert together.log_norm[i] == pytest.approx(alone.log_norm[0], rel=1e-14)
        assert together.var_w[i] == pytest.approx(alone.var_w[0], rel=1e-13)
        assert shares[i] == pytest.approx(
            distribution(beta[i : i + 1], z[i : i + 1], u)[0], rel=1e-12, abs=1e-15
        )


@pytest.mark.parametrize(
    "u", [-20.0, -0.2, -0.126, -0.124, -1e-3, -1e-9, 0.0, 1e-9, 1e-3, 0.124, 0.126, 3.0, 40.0]
)
def test_w_keeps_its_digits_near_zero(u):
    with mpmath.workdps(50):
        expected = float(mpmath.expm1(mpmath.mpf(u)) - mpmath.mpf(u))
    assert float(w(np.array([u]))[0]) == pytest.approx(expected, rel=1e-14, abs=0)
