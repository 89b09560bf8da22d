"""Claim: the retrieval benchmark asks what it says it asks. Its pure parts are held to closed forms and slow versions.

The witnesses are sorted lists, formulas written out term by term, SciPy's ρ, and texts cut by hand.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from benchmarks import association, ranking, retrieval_edits, retrieval_task
from benchmarks.retrieval_edits import EQUAL, Known
from benchmarks.wordpiece import WordPiece
from scipy import stats

from tests.single_thread import one_blas_thread  # noqa: F401

ROOTS = ("json", "math", "logging", "fractions")


# --- the task


def test_a_docstring_is_cut_after_its_first_sentence_and_the_name_is_masked():
    text = """search(pattern, string) -> match

    Scan for a match, e.g. A or B.  Return None if search finds
    nothing; Search never raises.

    Scan for a match, e.g. A or B.

    >>> search("a", "b")

    Flags are passed on to the compiler of patterns as they are.
    """
    pair = retrieval_task.pair_of("re.search", text)
    assert pair is not None
    assert pair.sentence == "Scan for a match, e.g. A or B."
    assert pair.passage == (
        "Return None if this finds nothing; this never raises. "
        "Flags are passed on to the compiler of patterns as they are."
    )


def test_a_name_becomes_words():
    pair = retrieval_task.Pair("logging.Logger.getEffectiveLevel", "", "")
    assert pair.words == "logging logger get effective level"


def test_a_docstring_without_a_second_half_is_no_pair():
    assert retrieval_task.pair_of("m.f", "Return the first of many items. Or none.") is None
    assert retrieval_task.pair_of("m.f", "Items. " + "Word " * 20) is None


def test_a_passage_never_holds_its_sentence_or_name_and_nothing_comes_twice():
    pairs = retrieval_task.build(roots=ROOTS).pairs
    assert len(pairs) > 40
    assert [pair.name for pair in pairs] == sorted(pair.name for pair in pairs)
    for pair in pairs:
        assert pair.sentence not in pair.passage
        assert pair.name.rpartition(".")[2].lower() not in pair.passage.lower().split()
        assert len(pair.passage.split()) <= retrieval_task.LONGEST
    assert len({pair.sentence for pair in pairs}) == len({pair.passage for pair in pairs}) == len(pairs)


def test_the_task_depends_on_no_order_and_no_hash_seed():
    found = retrieval_task.build(25, ROOTS)
    assert retrieval_task.build(25, ROOTS[::-1]).digest == found.digest
    script = f"from benchmarks import retrieval_task as t; print(t.build(25, {ROOTS}).digest)"
    path = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": path}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == found.digest


def test_a_smaller_task_is_part_of_a_larger_one():
    small, large = (retrieval_task.build(count, ROOTS).pairs for count in (10, 30))
    assert len(small) == 10
    assert set(small) < set(large)


# --- ranking


def test_ranks_are_places_in_the_sorted_list_and_ties_count_against():
    scores = np.random.default_rng(0).integers(0, 12, (40, 40)).astype(float)
    slow = [
        max(place for place, score in enumerate(sorted(row, reverse=True), 1) if score == row[i])
        for i, row in enumerate(scores)
    ]
    assert ranking.ranks(scores).tolist() == slow


def test_scores_of_known_ranks():
    found = ranking.scores(np.array([1, 2, 10, 11]))
    assert found["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 10) / 4)
    assert found["recall_1"] == 1 / 4
    assert found["recall_10"] == 3 / 4
    assert found["ndcg"] == pytest.approx((1 + 1 / math.log2(3) + 1 / math.log2(11)) / 4)


def test_chance_is_what_random_scores_reach():
    generator = np.random.default_rng(1)
    drawn = [ranking.scores(ranking.ranks(generator.random((200, 200))))["mrr"] for _ in range(100)]
    assert np.mean(drawn) == pytest.approx(ranking.chance(200), abs=4 * np.std(drawn) / 10)


def test_the_interval_has_the_width_of_the_normal_one():
    values = np.random.default_rng(2).random(900)
    low, high = ranking.interval(values, seed=3)
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 30, rel=0.1)
    assert low < values.mean() < high
    assert ranking.interval(values, seed=3) == (low, high)


def test_bm25_is_its_formula():
    passages = ["the cat sat", "the dog sat on the mat today", "a bird"]
    found = ranking.bm25(["the cat", "fish"], passages)
    rarity = {"the": math.log(1 + (3 - 2 + 0.5) / 2.5), "cat": math.log(1 + (3 - 1 + 0.5) / 1.5)}
    damping = [1.2 * (0.25 + 0.75 * length / 4) for length in (3, 7, 2)]
    assert found[0, 0] == pytest.approx((rarity["the"] + rarity["cat"]) * 2.2 / (1 + damping[0]))
    assert found[0, 1] == pytest.approx(rarity["the"] * 2 * 2.2 / (2 + damping[1]))
    assert found[0, 2] == 0
    assert not found[1].any()


# --- association


def test_rho_and_its_p_are_those_of_scipy():
    generator = np.random.default_rng(4)
    x = generator.integers(0, 15, 30).astype(float)
    y = x + 12 * generator.standard_normal(30)
    found, expected = association.spearman(list(x), list(y)), stats.spearmanr(x, y)
    assert found is not None
    assert found.value == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)


def test_what_holds_between_strata_makes_no_tau():
    strata = [k for k in range(8) for _ in range(4)]
    generator = np.random.default_rng(5)
    inside = generator.permuted(np.tile(np.arange(4.0), (8, 1)), axis=1).ravel()
    outcome = np.array(strata) * 10 + inside
    same = association.stratified_tau(list(outcome), list(outcome), strata)
    reversed_ = association.stratified_tau(list(np.array(strata) * 10 - inside), list(outcome), strata)
    assert same is not None
    assert reversed_ is not None
    assert (same.value, reversed_.value) == (1, -1)
    assert same.p < 0.001
    # A number of the stratum alone tells nothing apart inside.
    assert association.stratified_tau([float(s) for s in strata], list(outcome), strata) is None


def test_rounding_of_an_edit_is_a_tie_and_a_tie_counts_as_nothing():
    metric = [2.0, 2.0000001, 2.0000002, 3.0]
    found = association.stratified_tau(metric, [1.0, 2.0, 3.0, 4.0], ["a"] * 4)
    assert found is not None
    assert found.value == 3 / 6


def test_a_constant_metric_has_no_rho():
    assert association.spearman([1.0] * 9, list(np.arange(9.0))) is None


def test_p_values_of_nothing_are_uniform():
    generator = np.random.default_rng(6)
    found = [association.spearman(list(generator.random(12)), list(generator.random(12))) for _ in range(60)]
    assert stats.kstest([one.p for one in found if one], "uniform").pvalue > 0.01


# --- edits


@pytest.mark.parametrize("shape", [(48, 48), (96, 48), (48, 96)])
def test_edits_of_one_strength_change_a_matrix_equally(shape):
    values = np.random.default_rng(7).standard_normal(shape) * np.linspace(3, 0.2, shape[1])
    matrix = Known("w", values, {})
    singular = np.linalg.svd(values, compute_uv=False)
    for share in (0.5, 0.25):
        expected = math.sqrt(float(np.sum(singular[round(share * 48) :] ** 2)))
        found = {v.family: v.apply(matrix) for v in _graded() if v.strength == share}
        for family in EQUAL:
            assert np.linalg.norm(found[family] - values) == pytest.approx(expected, rel=1e-4), family
        spectra = {name: np.linalg.svd(w, compute_uv=False) for name, w in found.items()}
        np.testing.assert_allclose(spectra["rotate"], singular, rtol=1e-4)
        kept = round(share * 48)
        np.testing.assert_allclose(spectra["keep"][:kept], singular[:kept], rtol=1e-4)
        assert spectra["keep"][kept] < 1e-5 * singular[0]
        assert np.linalg.matrix_rank(found["subspace"], tol=1e-4) == kept


def test_an_edit_is_the_same_twice_and_of_its_own_for_every_matrix():
    values = np.random.default_rng(8).standard_normal((24, 24))
    noise = next(v for v in _graded() if v.name == "noise 25 %")
    once, twice, other = (noise.apply(Known(name, values, {})) for name in ("a", "a", "b"))
    np.testing.assert_array_equal(once, twice)
    assert np.abs(once - other).max() > 0.1


def test_turning_keeps_the_spectrum_and_shuffling_the_entries():
    values = np.random.default_rng(9).standard_normal((40, 24))
    matrix = Known("w", values, {})
    found = {v.family: v.apply(matrix) for v in retrieval_edits.variants(()) if v.family.startswith("same")}
    turned, mixed = found["same spectra, turned"], found["same entries, shuffled"]
    np.testing.assert_allclose(
        np.linalg.svd(turned, compute_uv=False), np.linalg.svd(values, compute_uv=False), rtol=1e-5
    )
    np.testing.assert_allclose(np.sort(mixed, axis=None), np.sort(values, axis=None), rtol=1e-6)
    for changed in (turned, mixed):
        assert abs(np.sum(changed * values)) < 0.3 * np.sum(values**2)


def _graded() -> list[retrieval_edits.Variant]:
    return retrieval_edits.variants((0.5, 0.25))


# --- tokens


def test_words_are_cut_into_the_longest_known_pieces(tmp_path):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "un", "##aff", "##able", "##a", "unaf", "!", "cafe", "日"]
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join(tokens), encoding="utf-8")

    def pieces(text: str, most: int = 99) -> list[str]:
        return [tokens[i] for i in WordPiece(vocabulary).ids(text, most)]

    assert pieces("unaffable!") == ["[CLS]", "[UNK]", "!", "[SEP]"]  # `unaf` is longest, and leaves `##fable`
    assert pieces("unaf") == ["[CLS]", "unaf", "[SEP]"]
    assert pieces("UNA Café日") == ["[CLS]", "un", "##a", "cafe", "日", "[SEP]"]
    assert pieces("cafe! cafe!", most=4) == ["[CLS]", "cafe", "!", "[SEP]"]
