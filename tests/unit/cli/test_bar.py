import pytest

from hpo.cli.bar import Display, line
from hpo.service.progress import Best, Progress


def progress(**changes: object) -> Progress:
    values: dict[str, object] = {
        "study": "s", "target": 50, "settled": 12, "complete": 8, "pruned": 3, "failed": 1, "running": 2, "open": 36,
        "best": Best(number=7, value=0.91234567, params={}), "eta_seconds": 240.0,
    }  # fmt: skip
    return Progress(**{**values, **changes})  # type: ignore[arg-type]


def test_a_line_tells_states_best_and_time_left() -> None:
    expected = "12/50 done, 2 running, 3 pruned, 1 failed, best 0.912346 (trial 7), about 4 min left"
    assert line(progress()) == expected


def test_a_line_leaves_out_what_is_not_known_and_what_is_over() -> None:
    assert line(progress(best=None, eta_seconds=None, running=0)) == "12/50 done, 3 pruned, 1 failed"
    assert "left" not in line(progress(settled=50, open=0))


def test_plain_lines_go_to_stderr_once_each_after_the_announcement(capsys: pytest.CaptureFixture[str]) -> None:
    announced = []
    with Display(lambda: announced.append(capsys.readouterr()), plain=True) as display:
        assert not announced
        for state in (progress(), progress(), progress(settled=50), progress(settled=50)):
            display(state)
    written = capsys.readouterr()
    assert len(announced) == 1
    assert written.out == ""
    assert written.err.splitlines() == [line(progress()), line(progress(settled=50))]


def test_a_display_that_was_never_called_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(lambda: None):
        pass
    assert capsys.readouterr() == ("", "")
