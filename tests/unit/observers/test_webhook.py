import hashlib
import hmac
import json

import pytest
from faulty_servers import slow
from observed_events import begun, best, ended, serving, settled

from hpo.errors import HpoError, HpoWarning
from hpo.observers.destinations import webhook
from hpo.observers.destinations.webhook import Webhook


def test_each_webhook_event_is_posted_with_a_verifiable_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HPO_WEBHOOK_SECRET", "between us")
    with serving() as taken:
        hook = Webhook(taken.url)
        hook.study_begun(begun())
        hook.trial_settled(settled())
        hook.new_best(best())
        hook.study_ended(ended())
    assert [headers["X-Hpo-Event"] for headers, _ in taken.posts] == [
        "study_begun",
        "trial_settled",
        "new_best",
        "study_ended",
    ]
    headers, body = taken.posts[1]
    assert json.loads(body) == settled().to_json()
    assert headers["X-Hpo-Id"] == settled().id
    signed = f"{headers['X-Hpo-Timestamp']}.".encode() + body
    expected = hmac.new(b"between us", signed, hashlib.sha256).hexdigest()
    assert headers["X-Hpo-Signature"] == f"sha256={expected}"


def test_without_a_secret_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HPO_WEBHOOK_SECRET", raising=False)
    with serving() as taken:
        Webhook(taken.url).study_begun(begun())
    assert "X-Hpo-Signature" not in taken.posts[0][0]


@pytest.mark.parametrize("code", [302, 408, 429, 500, 503])
def test_a_transient_webhook_status_is_raised_for_a_retry(code: int) -> None:
    with serving() as taken:
        taken.answers.append(code)
        hook = Webhook(taken.url)
        with pytest.raises(HpoError, match=f"answered {code}"):
            hook.study_begun(begun())
        hook.study_begun(begun())
    assert len(taken.posts) == 1


def test_an_event_a_webhook_rejects_for_good_is_skipped_with_a_warning() -> None:
    with serving() as taken:
        taken.answers.append(410)
        hook = Webhook(taken.url)
        with pytest.warns(HpoWarning, match="answered 410 to study_begun: such are left out"):
            hook.study_begun(begun())
        hook.trial_settled(settled())
    assert [headers["X-Hpo-Event"] for headers, _ in taken.posts] == ["trial_settled"]


@pytest.mark.parametrize("how", ["silent", "a byte at a time"])
def test_a_slow_webhook_answer_is_an_error(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(webhook, "_SECONDS", 0.2)
    with (
        slow(b"X" if how == "a byte at a time" else b"", every=0.01) as url,
        pytest.raises(HpoError, match=r"it did not answer within 0\.2 s"),
    ):
        Webhook(url).study_begun(begun())


def test_an_unreachable_webhook_is_an_error_without_its_address() -> None:
    with serving() as taken:
        url = taken.url
    with pytest.raises(HpoError, match=r"it cannot be reached: .* refused") as failed:
        Webhook(url).study_begun(begun())
    assert "hook" not in str(failed.value)
