import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hpo.errors import UsageError
from hpo.search import default_pruner, make_pruner
from hpo.search.pruners import ETA, brackets
from hpo.settings import DEFAULT_PRUNER, PRUNERS
from hpo.study import Evaluation, Fidelity, Float, Holdout, KFold, Space, StudyDefinition

optuna.logging.set_verbosity(optuna.logging.WARNING)


def definition(evaluation: Evaluation, *fidelities: Fidelity) -> StudyDefinition:
    def never() -> None:
        raise AssertionError("no pruner needs data or models")

    return StudyDefinition(
        name="d",
        title="d",
        data=never,
        build=never,
        metric="mae",
        direction="minimize",
        spaces=(Space(name="s", params={"x": Float(low=0, high=1)}),),
        evaluation=evaluation,
        fidelities=fidelities,
    )


HOLDOUT = definition(
    Holdout(rows=10), Fidelity(name="three", epochs=3), Fidelity(name="one", epochs=1), Fidelity(name="ten", epochs=10)
)
FOLDS = definition(KFold(folds=5), Fidelity(name="few", epochs=50, folds=3), Fidelity(name="all", epochs=200))


def study_with(pruner: optuna.pruners.BasePruner) -> optuna.Study:
    return optuna.create_study(study_name="s", pruner=pruner)


def step_at_which_it_stops(study: optuna.Study, curve: list[float]) -> int | None:
    """Report the curve from step 1, asking before every step but the last, as the objective does."""
    trial = study.ask()
    for step, reported in enumerate(curve, start=1):
        trial.report(reported, step)
        if step < len(curve) and trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return step
    study.tell(trial, curve[-1])
    return None


def test_the_default_pruner_exists() -> None:
    assert DEFAULT_PRUNER in PRUNERS


@pytest.mark.parametrize(
    ("name", "where", "fidelity", "reason"),
    [
        ("ashaa", HOLDOUT, "three", "no pruner 'ashaa'; did you mean asha\\?"),
        ("asha", HOLDOUT, "one", "only one; use --pruner none"),
        ("hyperband", HOLDOUT, "one", "only one; use --pruner none"),
        ("median", HOLDOUT, "one", "only one; use --pruner none"),
        ("wilcoxon", HOLDOUT, "ten", "one holdout; use --pruner asha"),
        ("wilcoxon", FOLDS, "few", "after 4 folds at the earliest, and fidelity 'few' has 3"),
        ("asha", HOLDOUT, "four", "no fidelity 'four'"),
    ],
)
def test_a_pruner_that_cannot_work_is_refused_with_a_reason(
    name: str, where: StudyDefinition, fidelity: str, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        make_pruner(name, definition=where, fidelity=fidelity)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["asha", "hyperband", "median"])
@pytest.mark.parametrize(("where", "fidelity"), [(HOLDOUT, "three"), (HOLDOUT, "ten"), (FOLDS, "few"), (FOLDS, None)])
def test_every_pruner_stops_a_bad_trial_before_the_end_and_lets_a_better_one_pass(
    name: str, where: StudyDefinition, fidelity: str | None
) -> None:
    chosen = where.fidelity(fidelity) if fidelity else where.fidelities[0]
    study = study_with(make_pruner(name, definition=where, fidelity=fidelity))
    for better in range(12):
        assert step_at_which_it_stops(study, [1.0 - better / 100] * chosen.epochs) is None
    stops = [step_at_which_it_stops(study, [9.0] * chosen.epochs) for _ in range(12)]
    stopped = [step for step in stops if step is not None]
    assert stopped
    assert max(stopped) <= chosen.epochs * 2 / 3
    if name != "hyperband":  # its last bracket stops nobody
        assert len(stopped) == 12


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_halving_stops_no_trial_after_two_thirds_of_its_epochs(name: str) -> None:
    """Of 50 epochs the next rung would be at the 45th."""
    epochs = FOLDS.fidelity("few").epochs
    study = study_with(make_pruner(name, definition=FOLDS, fidelity="few"))
    for better in range(12):
        assert step_at_which_it_stops(study, [1.0 - better / 100] * epochs) is None
    best_until = epochs * 2 // 3
    for better in range(12):
        curve = [0.8 - better / 100] * best_until + [9.0] * (epochs - best_until)
        assert step_at_which_it_stops(study, curve) is None


def test_the_default_pruner_is_none_for_a_single_epoch() -> None:
    assert default_pruner(HOLDOUT) == default_pruner(FOLDS, "all") == DEFAULT_PRUNER
    assert default_pruner(HOLDOUT, "one") == "none"
    with pytest.raises(UsageError, match="no fidelity 'four'"):
        default_pruner(HOLDOUT, "four")


def test_the_pruner_none_prunes_no_trial() -> None:
    study = study_with(make_pruner("none", definition=HOLDOUT))
    assert [step_at_which_it_stops(study, [float(bad)] * 3) for bad in range(9)] == [None] * 9


def test_asha_lets_about_a_third_of_trials_pass() -> None:
    study = study_with(make_pruner("asha", definition=HOLDOUT, fidelity="three"))
    order = [(37 * number) % 61 for number in range(61)]
    passed = sum(step_at_which_it_stops(study, [float(value)] * 3) is None for value in order)
    assert 61 / ETA * 0.7 < passed < 61 / ETA * 1.5


def stopped_at_first_rung(study: optuna.Study, position: int, value: float) -> bool:
    template = create_trial(state=TrialState.RUNNING, system_attrs={"hpo:position": position})
    trial = optuna.Trial(study, study._storage.create_new_trial(study._study_id, template_trial=template))
    trial.report(value, 1)
    stopped = trial.should_prune()
    study.tell(trial, state=TrialState.PRUNED)
    return stopped


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_superseded_attempts_are_invisible_to_halving(name: str) -> None:
    def stopped(pruner: optuna.pruners.BasePruner) -> list[bool]:
        study = study_with(pruner)
        for _ in range(40):  # crashed attempts, better than all that live
            study.add_trial(create_trial(state=TrialState.FAIL, system_attrs={"completed_rung_0": 0.0}))
        return [stopped_at_first_rung(study, position, 1.0 - position / 100) for position in range(20)]

    assert not any(stopped(make_pruner(name, definition=HOLDOUT, fidelity="three")))
    assert all(stopped(optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=ETA)))


def test_superseded_attempts_are_invisible_to_median() -> None:
    study = study_with(make_pruner("median", definition=HOLDOUT, fidelity="three"))
    for value in range(6):
        assert step_at_which_it_stops(study, [6.0 - value] * 3) is None
    for _ in range(50):
        study.add_trial(create_trial(state=TrialState.FAIL, intermediate_values={1: 0.0, 2: 0.0, 3: 0.0}))
    assert step_at_which_it_stops(study, [2.5] * 3) is None


def test_a_second_attempt_stays_in_its_hyperband_bracket() -> None:
    pruner = make_pruner("hyperband", definition=HOLDOUT, fidelity="ten")
    inner = pruner._inner
    positions = [inner._bracket(create_trial(value=1.0, system_attrs={"hpo:position": p})) for p in range(300)]
    again = [inner._bracket(create_trial(value=1.0, system_attrs={"hpo:position": p})) for p in range(300)]
    assert positions == again
    shares = [positions.count(bracket) / 300 for bracket in range(3)]
    wanted = [share / sum(brackets(3)) for share in brackets(3)]
    assert shares == pytest.approx(wanted, abs=0.1)


def test_brackets_are_those_of_hyperband() -> None:
    assert brackets(3) == (9, 5, 3)  # n = ceil((s_max + 1) / (s + 1) * eta^s), s = 2, 1, 0
    assert brackets(1) == (1,)


def test_wilcoxon_goes_fold_by_fold_and_stops_what_loses_on_four() -> None:
    pruner = make_pruner("wilcoxon", definition=FOLDS, fidelity="all")
    assert pruner.by_fold is True
    study = study_with(pruner)
    assert step_at_which_it_stops(study, [2.0, 3.0, 2.5, 2.2, 2.8]) is None
    assert step_at_which_it_stops(study, [3.0, 4.1, 3.2, 3.3, 3.9]) == 4
    assert step_at_which_it_stops(study, [2.1, 2.9, 2.6, 2.1, 2.9]) is None


@pytest.mark.parametrize("name", sorted(set(PRUNERS) - {"wilcoxon"}))
def test_all_pruners_but_wilcoxon_decide_by_epoch(name: str) -> None:
    assert getattr(make_pruner(name, definition=FOLDS), "by_fold", False) is False
