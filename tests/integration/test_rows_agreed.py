"""A study is of one set of rows: whoever loads them first decides, and all others must have the same."""

import threading
from dataclasses import replace

import pytest

from hpo.errors import DataError
from hpo.storage import Storage, studies
from hpo.storage.studies import StudyPlan, StudyRecord

OURS, OTHERS = "a" * 32, "b" * 32


def test_the_first_worker_to_load_fixes_the_rows_of_a_study(store: Storage, study: StudyRecord) -> None:
    assert study.data is None
    studies.agree_on_rows(store, study, OURS)
    studies.agree_on_rows(store, study, OURS)
    assert studies.get(store, study.name).data == OURS
    with pytest.raises(
        DataError, match=rf"\(bbbbbbbb\) are not those study '{study.name}' was begun with \(aaaaaaaa\)"
    ):
        studies.agree_on_rows(store, study, OTHERS)
    assert studies.get(store, study.name).data == OURS


def test_a_measurement_uses_the_rows_of_its_search(store: Storage, study: StudyRecord, plan: StudyPlan) -> None:
    pairs = studies.create_or_resume(store, replace(plan, name="pairs", kind="pairs", parent=study.name))
    studies.agree_on_rows(store, study, OURS)
    with pytest.raises(DataError, match=study.name):
        studies.agree_on_rows(store, pairs, OTHERS)
    studies.agree_on_rows(store, pairs, OURS)


def test_a_recreated_study_may_have_other_rows(store: Storage, study: StudyRecord, plan: StudyPlan) -> None:
    studies.agree_on_rows(store, study, OURS)
    studies.delete(store, study.name)
    studies.agree_on_rows(store, studies.create_or_resume(store, plan), OTHERS)
    assert studies.get(store, study.name).data == OTHERS


def test_one_of_several_concurrent_workers_fixes_the_rows(store: Storage, study: StudyRecord) -> None:
    begin, refused = threading.Barrier(6), []

    def agree(rows: str) -> None:
        begin.wait()
        try:
            studies.agree_on_rows(store, study, rows)
        except DataError:
            refused.append(rows)

    threads = [threading.Thread(target=agree, args=(rows,)) for rows in (OURS, OTHERS) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    assert {*refused} == {OURS, OTHERS} - {studies.get(store, study.name).data}
