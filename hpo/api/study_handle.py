"""A study in the hand of a program: how it stands, what it found, and what can be done with it."""

import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hpo.api.best_trial import Best
from hpo.errors import HpoWarning, StorageError, UsageError

if TYPE_CHECKING:
    import optuna
    import pandas as pd
    import plotly.graph_objects as go
    from optuna.trial import Trial, TrialState

    from hpo.experiments.compare.comparison_report import CompareReport
    from hpo.experiments.trial_records import ExportedTrial
    from hpo.fleet.supervisor.asking import Asking
    from hpo.observers.observer import Observer
    from hpo.storage import Storage
    from hpo.storage.queries.status import StudyStatus
    from hpo.storage.slots.slot import Outcome

__all__ = ["Study"]

T = TypeVar("T")


class Study:
    """A study that is there: `hpo.optimize` and `hpo.load` give it.

    Whatever is asked of it is asked of the database at that moment, so other processes may go on with the study. No
    connection is held between two calls.

    Args:
        name: of the study.
        storage: URL of its database.

    """

    def __init__(self, name: str, *, storage: str) -> None:
        self.name = name
        self._url = storage  # may hold a password
        self._asking: Asking | None = None  # once a trial is asked for

    def __repr__(self) -> str:
        return f"hpo.Study({self.name!r}, storage={self.storage!r})"

    @property
    def storage(self) -> str:
        """URL of its database, without a password."""
        from hpo.storage.storage_url import parse

        return parse(self._url).safe

    @property
    def status(self) -> "StudyStatus":
        """How it stands: its trials by outcome, its best, who is at it, how long it still takes.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo.storage.queries import status

        return self._asked(lambda opened: status.study_status(opened, self.name))

    @property
    def claimable(self) -> int:
        """How many of its trials a worker could take now: what to start workers by, where something else starts them.

        None while it is stopped, or its best is as good as was asked for; what is in hand is not counted.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        return self.status.claimable

    @property
    def best(self) -> Best:
        """Its best trial.

        Raises:
            StudyError: no trial is complete, or the study measures and is no search.
            StorageError: the database failed.

        """
        from hpo.storage import studies
        from hpo.storage.queries import study_results

        def found(opened: "Storage") -> Best:
            its, record = study_results.best(opened, self.name), studies.get(opened, self.name)
            return Best(
                number=its.number,
                value=its.value,
                params=its.params,
                trainings=its.trainings,
                metric=its.metric,
                direction=its.direction,
                baseline=None if its.baseline is None else its.baseline.value,
                values=its.front[0].values if its.front else (),
                study=self.name,
                storage=self._url,
                reference=record.reference,
            )

        return self._asked(found)

    @property
    def trials(self) -> "tuple[ExportedTrial, ...]":
        """Its trials by number, whatever became of them.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo.experiments import trial_records

        return self._asked(lambda opened: tuple(trial_records.read(opened, self.name)[1]))

    def trials_dataframe(self) -> "pd.DataFrame":
        """Its trials as a table of pandas, with the columns that Optuna's has.

        They are `number`, `value` (of several objectives `values_NAME`), `datetime_start`, `datetime_complete`,
        `duration`, `params_NAME`, `user_attrs_NAME` and `state`; after these `fidelity`, `rung`, `position`,
        `attempt`, `worker` and `outcome` are hpo's. A trial with an `outcome` is the one that counts of its attempts.

        Raises:
            HpoError: pandas is not installed.
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo.api.trials_frame import frame
        from hpo.experiments import trial_records
        from hpo.storage.queries import stored_trials

        def found(opened: "Storage") -> "pd.DataFrame":
            record, trials = trial_records.read(opened, self.name)
            values = {one.number: one.values for one in stored_trials.read(opened, self.name)} if record.costs else {}
            return frame(trials, values, (record.metric, *record.costs))

        return self._asked(found)

    @property
    def optuna(self) -> "optuna.Study":
        """Optuna's study of that name, to look at: for `optuna.visualization`, say. Trials are hpo's to make.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo import storage as storages
        from hpo.storage import studies

        return studies.load(storages.open(self._url), self.name)

    def compare(
        self,
        *,
        pairs: int = 12,
        baseline: str | None = None,
        fidelity: str | None = None,
        candidates: int = 5,
        rounds: int = 3,
        margin: float | None = None,
        resample: bool | None = None,
        workers: int | None = None,
        timeout: float | None = None,
        trial_timeout: float | None = None,
        observers: "Sequence[str | Observer]" = (),
        progress: bool = True,
    ) -> "CompareReport":
        """Whether its optimum beats the hand-picked configuration, as `hpo compare` finds out.

        Args:
            pairs: paired trainings in all, earlier calls included.
            baseline: the hand-picked configuration; None: the definition's first.
            fidelity: how much work a training of the final is; None: the definition's last.
            candidates: best trials that enter the race.
            rounds: validation splits of the race.
            margin: a difference of the metric too small to matter; None: the definition's.
            resample: whether pairs on test rows drawn anew are the verdict; None: a second line where there are folds.
            workers: processes on this machine; None: one a usable core; 0: none, a fleet does it.
            timeout: seconds for this call.
            trial_timeout: seconds for one training.
            observers: who is told of the trainings, as `hpo.optimize` takes them.
            progress: whether to show how far it is, on stderr.

        Raises:
            StudyError: there is nothing to compare, or a side cannot be trained at all.
            DefinitionError: the definition cannot be loaded.
            UsageError: there is no such baseline or fidelity, or a number is out of range.
            StorageError: the database cannot be reached, read or written.
            HpoError: it was interrupted, or its time was up; what is done is kept.

        """
        from hpo.api.asked_observers import observers_asked
        from hpo.cli.printing.comparison_text import announce
        from hpo.cli.printing.progress_bar import Stages
        from hpo.experiments.compare.comparison_plan import plan_comparison
        from hpo.experiments.compare.comparison_request import CompareRequest
        from hpo.experiments.compare.comparison_run import run_comparison
        from hpo.fleet.run_limits import Limits

        request = CompareRequest(
            study=self.name,
            storage=self._url,
            pairs=pairs,
            baseline=baseline,
            fidelity=fidelity,
            candidates=candidates,
            rounds=rounds,
            margin=margin,
            resample=resample,
            limits=Limits(workers=workers, timeout=timeout, trial_timeout=trial_timeout),
            observers=observers_asked(observers),
        )
        with closing(plan_comparison(request)) as plan:
            if not progress:
                return run_comparison(plan)
            announce(plan)
            with Stages(plain=False) as display:
                return run_comparison(plan, display)

    def report(self, output: str | Path, *, kind: str | None = None, dashboard: bool = True) -> Path:
        """Write all that was found about it as one page, as `hpo report` does; the file.

        Args:
            output: where to: .html or .md.
            kind: html or markdown; None: as the file's name ends.
            dashboard: whether to put figures and verdict on its page in optuna-dashboard, too.

        Raises:
            UsageError: the kind is unknown or cannot be told.
            StudyError: it was deleted, or measures and is no search.
            StorageError: the database failed.
            HpoError: the file cannot be written.

        """
        from hpo import report as reports
        from hpo.experiments.findings.gathering import gather
        from hpo.files import expanded

        to = expanded(output)
        kind = reports.format_of(to, kind)

        def write(opened: "Storage") -> None:
            document = reports.document(gather(opened, self.name))
            reports.write(to, reports.html(document) if kind == "html" else reports.markdown(document))
            if dashboard:
                try:
                    reports.publish(opened, document)
                except StorageError as error:  # the page is there, which is what was asked for
                    warnings.warn(f"not put into optuna-dashboard: {error}", HpoWarning, stacklevel=4)

        self._asked(write)
        return to

    def figures(self) -> "Mapping[str, go.Figure]":
        """The figures of its report, by name, for a notebook: `study.figures()["history"]`.

        Raises:
            StudyError: it was deleted, or measures and is no search.
            StorageError: the database failed.

        """
        from hpo.experiments.findings.gathering import gather
        from hpo.report.figures import shown
        from hpo.report.figures.canvas import standing_alone

        its = self._asked(lambda opened: shown(gather(opened, self.name)))
        return {one.id: standing_alone(one.figure, one.title) for one in its}

    def wait(self, *, timeout: float | None = None, progress: bool = True) -> "StudyStatus":
        """Look on until it is settled, or stopped or good enough and nothing of it is in hand any more; how it stands.

        Args:
            timeout: seconds to wait at the most.
            progress: whether to show how far it is, on stderr.

        Raises:
            StudyError: it was deleted.
            StorageError: the database stayed away.
            KeyboardInterrupt: of Ctrl-C; whoever is at it goes on.

        """
        from hpo.cli.printing.progress_bar import Display
        from hpo.storage.queries.status import watch

        def look(opened: "Storage") -> Any:
            if not progress:
                return watch(opened, self.name, timeout=timeout)
            with Display(lambda: None) as display:
                return watch(opened, self.name, timeout=timeout, on_progress=display)

        if self._asked(look).ended == "interrupted":
            raise KeyboardInterrupt
        return self.status

    def ask(self) -> "Trial | None":
        """Take the next trial of a study made by `hpo.create`; None where none is open: all are settled or in hand.

        The trial is Optuna's: suggest parameters of it, report to it, ask it whether to prune. Its slot is this
        process's for as long as that lives; `tell` settles it. What is not told by the end of this handle or of the
        process goes back to the study.

        Raises:
            UsageError: the study's trials are run by workers: it is of an objective or a definition.
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        return self._asked_by().ask()

    def tell(
        self,
        trial: "Trial | int",
        value: float | Sequence[float] | None = None,
        *,
        state: "Outcome | TrialState" = "complete",
        reason: str | BaseException = "",
    ) -> "Outcome":
        """Say what came of a trial; what it counts as.

        Args:
            trial: from `ask`, or its number.
            value: of one that is complete; of several objectives, a value for each. What is no finite number fails.
            state: `"complete"`, `"pruned"` or `"failed"`, or as Optuna calls these.
            reason: why it was pruned or failed, for whoever looks at it later: a line, or what was raised.

        Raises:
            UsageError: the trial is not in this handle's hand, or the state is none.
            HpoError: its slot went to somebody else meanwhile.
            StorageError: the database failed.

        """
        from hpo.fleet.supervisor.asking import Told

        outcome = _outcome(state)
        if (value is None) == (outcome == "complete"):
            raise UsageError(f"a trial that is complete is told with its value, and no other is: {value} and {outcome}")
        told = Told(
            outcome=outcome,
            value=value,
            reason=str(reason),
            error=reason if isinstance(reason, BaseException) else None,
        )
        return self._asked_by().tell(trial if isinstance(trial, int) else trial.number, told)

    def stop(self, *, now: bool = False, why: str | None = None) -> "StudyStatus":
        """Begin nothing more in it, on any machine, as `hpo stop` does; how it stands.

        Args:
            now: give back what is in hand; else that is finished, and counts.
            why: the reason, for those who wonder.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo.storage.process_identity import person
        from hpo.storage.studies import halting

        self._asked(lambda opened: halting.stop(opened, self.name, by=person(), why=why, now=now))
        return self.status

    def resume(self) -> "StudyStatus":
        """Let it go on, for every worker on every machine; how it stands.

        Raises:
            StudyError: it was deleted.
            StorageError: the database failed.

        """
        from hpo.storage.studies import halting

        self._asked(lambda opened: halting.resume(opened, self.name))
        return self.status

    def _asked_by(self) -> "Asking":
        """Whoever holds the trials this handle has asked for."""
        if self._asking is None:
            from hpo import storage as storages
            from hpo.fleet.supervisor.asking import Asking
            from hpo.storage import studies
            from hpo.study.plain_objective import ASKED

            opened = storages.open(self._url)
            try:
                record = studies.get(opened, self.name)
                if record.reference != ASKED:
                    raise UsageError(
                        f"the trials of study {self.name!r} are run by workers, which "
                        f"hpo.optimize({record.reference!r}) starts; what hpo.create makes is asked and told"
                    )
                self._asking = Asking(opened, record)
            except BaseException:
                opened.close()
                raise
            weakref.finalize(self, _give_back, self._asking, opened)  # at the end of the program at the latest
        return self._asking

    def _asked(self, ask: "Callable[[Storage], T]") -> T:
        """What is asked of the open database."""
        from hpo import storage as storages

        with closing(storages.open(self._url)) as opened:
            return ask(opened)


def _give_back(asking: "Asking", storage: "Storage") -> None:
    """Give back what is in hand and was not told."""
    asking.close()
    storage.close()


def _outcome(state: object) -> "Outcome":
    """What a state is called. Raises UsageError where it is none that a trial can be told to have."""
    word = str(getattr(state, "name", state)).lower()
    outcomes: dict[str, Outcome] = {"complete": "complete", "pruned": "pruned", "failed": "failed", "fail": "failed"}
    if word not in outcomes:
        raise UsageError(f"a trial ends complete, pruned or failed, not {state!r:.60}")
    return outcomes[word]
