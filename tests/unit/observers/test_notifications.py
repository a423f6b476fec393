import json

import pytest
from observed_events import begun, best, ended, serving

from hpo.errors import HpoError, UsageError
from hpo.observers.destinations import notifications
from hpo.observers.destinations.notifications import Notifications


def test_notifications_are_sent_for_ends_and_at_intervals_for_new_bests(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as taken:
        told = Notifications(taken.url.replace("http://", "json://"))
        told.study_begun(begun())
        told.new_best(best())
        assert not taken.posts
        monkeypatch.setattr(notifications, "_BETWEEN", 0.0)
        told.new_best(best())
        told.study_ended(ended("error", reason="no such file"))
    messages = [json.loads(body) for _, body in taken.posts]
    assert [one["title"] for one in messages] == ["hpo: it's a study/1 new best", "hpo: it's a study/1 failed"]
    assert "best accuracy: 0.75 (trial 3)" in messages[0]["message"]
    assert "no such file" in messages[1]["message"]
    assert "4 of 4 trials: 3 complete, 1 pruned, 0 failed" in messages[1]["message"]


def test_an_undelivered_notification_is_an_error() -> None:
    with serving() as taken:
        taken.answers.append(500)
        told = Notifications(taken.url.replace("http://", "json://"))
        with pytest.raises(HpoError, match="could not be delivered"):
            told.study_ended(ended())


def test_an_unknown_notification_service_is_refused_without_its_token() -> None:
    with pytest.raises(UsageError, match="knows no service") as refused:
        Notifications("nosuchthing://secret")
    assert "secret" not in str(refused.value)
