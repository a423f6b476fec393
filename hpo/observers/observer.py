"""What one writes to be told how studies go: a class with a method for each kind of event."""

from hpo.observers.events import (
    NewBest,
    StudyBegun,
    StudyEnded,
    StudyResumed,
    StudyStopped,
    TrialBegun,
    TrialReported,
    TrialSettled,
)

__all__ = ["Observer"]


class Observer:
    """Is told what happens in studies; each method does nothing until a subclass says otherwise.

    All calls come from one thread, in order, one study's among another's. A method that raises is told the same event
    again after a while, and nothing else before; so a method must bear an event it has had, which the id tells. What
    is slow holds up nothing but itself, what takes longer than a minute is given up.

    A class that is named on the command line, `FILE.py:CLASS` or `FILE.py:CLASS:TARGET`, is made without arguments or
    with the text TARGET.
    """

    name: str = ""
    """Tells apart what two observers of one class were told, where a program hands over both."""

    def study_begun(self, event: StudyBegun) -> None:
        """The first thing it hears of a study, be that new or not."""

    def study_resumed(self, event: StudyResumed) -> None:
        """A study goes on that had been stopped, or had ended, or whose run had."""

    def study_stopped(self, event: StudyStopped) -> None:
        """A study was stopped; it may be resumed."""

    def study_ended(self, event: StudyEnded) -> None:
        """A study came to its end, or the run on it did."""

    def trial_begun(self, event: TrialBegun) -> None:
        """An attempt at a trial began; not told of attempts that nobody saw before they were superseded."""

    def trial_reported(self, event: TrialReported) -> None:
        """A trial reported an intermediate value; all of them are in `trial_settled`, too."""

    def trial_settled(self, event: TrialSettled) -> None:
        """A trial came to its end: told of each one, those before the observer was asked for among them."""

    def new_best(self, event: NewBest) -> None:
        """Another configuration is the best now, or the best one was trained once more."""

    def close(self) -> None:
        """Nothing more is told: close what is open. Called once, at the end of the process that tells it."""
