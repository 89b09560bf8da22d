"""Claim: the null decides first, then the whole interval; what spans a boundary is undecided and says so."""

from __future__ import annotations

import pytest

from tests.worlds import gaussian, heavy_tailed
from triplepoint import scan
from triplepoint.diagnosis import PHASES, RULES, classify
from triplepoint.diagnosis.phase import shares, spanned
from triplepoint.fits.interval import CLOSED, closed_interval
from triplepoint.records import BulkNull, Phase, PowerLawFit, Severity

LEARNED = BulkNull(0.2, 1e-9, 4.0)
NOISE = BulkNull(0.01, 0.6, 4.0)


def fit(alpha: float, count: int = 200) -> PowerLawFit:
    low, high = closed_interval(alpha, count)
    return PowerLawFit(alpha, 0.1, low, high, 1.0, 9.0, 0.05, count, 2 * count, CLOSED)


@pytest.mark.parametrize(
    ("alpha", "phase"),
    [
        (1.5, "over_trained"),
        (2.0, "undecided"),
        (3.0, "well_trained"),
        (6.0, "undecided"),
        (9.0, "under_trained"),
    ],
)
def test_the_interval_decides_once_the_null_is_rejected(alpha, phase):
    found, confidence = classify(fit(alpha), LEARNED)
    assert found.value == phase
    assert 0 < confidence <= 1
    assert (confidence >= 0.95) == (phase != "undecided")


@pytest.mark.parametrize("alpha", [1.5, 3.0, 9.0])
def test_what_looks_like_noise_is_gas_whatever_alpha_says(alpha):
    assert classify(fit(alpha), NOISE) == (Phase.under_trained, None)


def test_without_a_fit_or_a_null_nothing_is_said():
    assert classify(None, LEARNED) == (Phase.not_assessable, None)
    assert classify(fit(3.0), None) == (Phase.not_assessable, None)


def test_shares_sum_to_one_and_a_short_tail_spans_everything():
    assert sum(shares(fit(2.3, 9)).values()) == pytest.approx(1)
    assert spanned(fit(4.0, 3)) == (Phase.over_trained, Phase.well_trained, Phase.under_trained)


def test_an_undecided_row_names_both_sides():
    row = scan({"w": heavy_tailed((60, 50), 2.1, seed=1)})["w"]
    assert row.phase is Phase.undecided
    (finding,) = row.findings
    assert finding.severity is Severity.info
    assert "over-trained (" in finding.statement
    assert "well-trained (" in finding.statement


def test_embeddings_are_marked_as_less_meaningful():
    row = scan({"model.embed_tokens.weight": heavy_tailed((300, 100), 3.0)})["model.embed_tokens.weight"]
    assert [f.rule for f in row.findings if f.severity is Severity.info] == ["embedding", "well_trained"]


def test_every_phase_is_explained_and_every_finding_has_a_rule():
    assert set(PHASES) == {phase.value for phase in Phase}
    for rule in RULES.values():
        assert all((rule.definition, rule.source, rule.evidence, rule.misleads)), rule.name
    found = scan({"a": gaussian((90, 60)), "b": heavy_tailed((200, 150), 1.5)})
    assert {finding.rule for _, finding in found.findings} <= set(RULES)
    assert (found["a"].phase, found["b"].phase) == (Phase.under_trained, Phase.over_trained)


def test_few_of_many_noise_matrices_are_called_learned():
    noise = {
        f"{n}x{m}/{k}": gaussian((n, m), k) for n, m in ((40, 30), (128, 128), (200, 100)) for k in range(40)
    }
    phases = [row.phase for row in scan(noise).matrices]
    assert sum(phase is not Phase.under_trained for phase in phases) <= 0.05 * len(phases)
