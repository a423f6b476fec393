"""Looks are counted once each, spend what they may, and go with their study."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from hpo.analysis import compare, interim_alpha
from hpo.experiments.compare import interim_analyses
from hpo.experiments.compare.interim_analyses import InterimAnalysis
from hpo.storage import Storage, studies
from hpo.storage.studies import StudyPlan, StudyRecord

FOUND = compare([0.9] * 7 + [0.8], [0.7] * 8)


def take(store: Storage, study: StudyRecord, **changes) -> InterimAnalysis:
    its = {"rows": "share", "baseline": "by-hand", "fidelity": "full", "optimum": "a" * 64, "pairs": 12}
    return interim_analyses.take(store, study, **{**its, **changes})


def test_the_same_pairs_repeat_an_interim_analysis_and_more_pairs_take_the_next(
    store: Storage, study: StudyRecord
) -> None:
    first = take(store, study)
    assert (first.number, first.alpha, first.pairs) == (1, interim_alpha(1), 12)
    assert take(store, study) == first
    seen = [take(store, study, pairs=20), take(store, study, optimum="b" * 64), take(store, study, fidelity="quick"),
            take(store, study, baseline="other")]  # fmt: skip
    assert [look.number for look in seen] == [2, 3, 4, 5]
    assert [look.alpha for look in seen] == [interim_alpha(number) for number in (2, 3, 4, 5)]
    assert take(store, study) == first
    assert interim_analyses.history(store, study) == (first, *seen)


def test_fewer_than_six_pairs_use_no_interim_analysis(store: Storage, study: StudyRecord) -> None:
    assert [take(store, study, pairs=pairs).number for pairs in (1, 5, 6, 4, 7)] == [0, 0, 1, 0, 2]


def test_resampled_rows_have_interim_analyses_of_their_own(store: Storage, study: StudyRecord) -> None:
    assert take(store, study).number == 1
    assert take(store, study, rows="resampled").number == 1
    assert take(store, study, rows="resampled", pairs=30).number == 2
    assert take(store, study, pairs=30).number == 2


def test_concurrent_calls_count_one_interim_analysis(store: Storage, study: StudyRecord) -> None:
    with ThreadPoolExecutor(4) as threads:
        same = list(threads.map(lambda _: take(store, study).number, range(8)))
        others = list(threads.map(lambda pairs: take(store, study, pairs=pairs).number, range(20, 28)))
    assert same == [1] * 8
    assert sorted(others) == list(range(2, 10))


def test_the_finding_of_an_interim_analysis_is_stored_with_its_report(store: Storage, study: StudyRecord) -> None:
    assert interim_analyses.last_document(store, study) is None
    look = take(store, study)
    assert interim_analyses.last_document(store, study) is None  # taken, but not told
    assert interim_analyses.history(store, study)[0].verdict == ""
    later = replace(look, looked_at=look.looked_at + 5)
    interim_analyses.conclude(store, study, later, FOUND, {"verdict": FOUND.verdict})
    told = interim_analyses.history(store, study)[0]
    assert (told.verdict, told.p_value, told.looked_at) == (
        FOUND.verdict,
        pytest.approx(FOUND.p_value),
        later.looked_at,
    )
    assert interim_analyses.last_document(store, study) == {"verdict": FOUND.verdict}


def test_the_last_document_is_of_the_last_reported_interim_analysis(store: Storage, study: StudyRecord) -> None:
    first, second = take(store, study), take(store, study, pairs=20)
    interim_analyses.conclude(store, study, replace(second, looked_at=50.0), FOUND, {"pairs": 20})
    interim_analyses.conclude(store, study, replace(first, looked_at=60.0), FOUND, {"pairs": 12})
    assert interim_analyses.last_document(store, study) == {"pairs": 12}


def test_interim_analyses_are_deleted_with_their_study(store: Storage, plan: StudyPlan, study: StudyRecord) -> None:
    take(store, study)
    studies.delete(store, study.name)
    again = studies.create_or_resume(store, plan)
    assert interim_analyses.history(store, again) == ()
    assert take(store, again).number == 1
