"""Checkpoints: a training broken off anywhere goes on to the bit, and nothing that is wrong with a file harms it."""

import errno
import json
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from hpo.data import Rows
from hpo.errors import DefinitionError, HpoWarning, UsageError
from hpo.training import (
    Checkpoints,
    CosineDecay,
    Dropout,
    EarlyStopping,
    OneCycle,
    Pace,
    Performance,
    Phase,
    Recipe,
    Run,
    build,
    checkpoint_file,
    epoch_parts,
)
from hpo.training.compiled_program import Program, programs

ALWAYS = Pace(every=0, share=1)
EPOCHS = 6

draw = np.random.default_rng(0)
X = draw.normal(3, 5, (70, 4)).astype(np.float32)
Y = (X[:, 0] - X[:, 1]).astype(np.float32)
TRAIN, VALIDATION = Rows(x=X[:45], y=Y[:45]), Rows(x=X[45:], y=Y[45:])


class Broken(Exception):  # noqa: N818 - what a kill is to a process
    """The training ends here."""


def network(**options: object) -> Recipe:
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Normalization(),
            keras.layers.Dense(8, "relu", name="first"),
            keras.layers.BatchNormalization(),
            Dropout(0.3),
            keras.layers.Dense(1),
        ]
    )
    given = {"optimizer": keras.optimizers.Adam(0.05), "loss": "mse", "batch_size": 16, **options}
    return Recipe(model=model, **given)  # type: ignore[arg-type]


def jitter(x: object) -> object:
    return x + keras.random.normal(keras.ops.shape(x), stddev=0.1)


class Own(keras.Model):  # a class of somebody's own: no program is shared
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.drop = keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.3)
        self.last = keras.layers.Dense(1)

    def call(self, x: object, training: bool = False) -> object:
        return self.last(self.drop(self.hidden(x), training=training))


def own() -> Recipe:
    return Recipe(model=Own(), optimizer=keras.optimizers.SGD(1e-4, momentum=0.9), loss="mse", batch_size=16)


KINDS: dict[str, Callable[[], Recipe]] = {
    "plain": network,
    "augmented, 1cycle": lambda: network(augment=jitter, schedule=OneCycle()),
    "stopped early": lambda: network(stopping=EarlyStopping(patience=2)),
    "plateaus": lambda: network(schedule=Performance(patience=1), stopping=EarlyStopping(patience=4)),
    "averages": lambda: network(average=0.3, optimizer=keras.optimizers.RMSprop(0.01, momentum=0.5)),
    "averages of Keras": lambda: network(optimizer=keras.optimizers.AdamW(0.01, use_ema=True, ema_momentum=0.8)),
    "phases": lambda: network(
        phases=(Phase(epochs=2, frozen=("first",)), Phase(rate=0.01)), stopping=EarlyStopping(patience=9)
    ),
    "a class": own,
}


def begun(make: Callable[[], Recipe], checkpoints: Checkpoints | None = None, **more: object) -> Run:
    made = build(lambda _: make(), {}, 3)
    given = {"epochs": EPOCHS, "metric": "mae", "seed": 3, **more}
    return Run(made, TRAIN, VALIDATION, checkpoints=checkpoints, **given)  # type: ignore[arg-type]


def trained(run: Run, beat: Callable[[], object] | None = None) -> list[tuple[float, ...]]:
    told = []
    while run.epochs_done < EPOCHS and not run.stopped:
        epoch = run.epoch(beat)
        assert run.outcome is not None
        told.append((epoch.number, epoch.loss, epoch.train, epoch.validation, run.outcome.number))
    return told


def weights(run: Run) -> list[bytes]:
    return [weight.tobytes() for weight in run.model().get_weights()]


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of an epoch is a part."""
    monkeypatch.setattr(epoch_parts, "LONG", 0.0)


@pytest.mark.parametrize(
    "kind",
    [
        kind if kind in ("plain", "plateaus", "phases") else pytest.param(kind, marks=pytest.mark.thorough)
        for kind in KINDS
    ],
)
@pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")
def test_a_repeatedly_interrupted_training_ends_bit_for_bit_as_an_undisturbed_one(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begun(KINDS[kind])
    curve, final = trained(whole), weights(whole)
    chance, breaks, steps = random.Random(kind), 0, 0
    usual = Program.epoch

    def counted(self: Program, data: object, rows: int, span: tuple[int, int], *rest: object) -> object:
        nonlocal steps
        steps += span[1] - span[0]
        return usual(self, data, rows, span, *rest)  # type: ignore[arg-type]

    def beat() -> None:
        if chance.random() < 0.4:
            raise Broken

    monkeypatch.setattr(Program, "epoch", counted)
    told = None
    while told is None:
        run = begun(KINDS[kind], Checkpoints(tmp_path, pace=ALWAYS))
        try:
            told = trained(run, beat)
        except Broken:
            breaks += 1
    assert breaks > 1
    assert told == curve
    assert weights(run) == final
    assert steps <= 3 * len(curve) + breaks  # each break costs the one step after the checkpoint
    finished = begun(KINDS[kind], Checkpoints(tmp_path, pace=ALWAYS))
    assert trained(finished, lambda: pytest.fail("it is trained already")) == curve
    assert weights(finished) == final


def test_several_trainings_of_a_trial_each_resume_from_their_own_checkpoint(tmp_path: Path) -> None:
    def both(checkpoints: Checkpoints | None) -> list[Run]:
        return [begun(network, checkpoints, seed=seed) for seed in (1, 2)]

    whole = both(None)
    curves = [trained(run) for run in whole]
    first = both(Checkpoints(tmp_path, pace=ALWAYS))
    for number in (0, 1, 0, 1, 0):
        first[number].epoch()
    programs.clear()  # as in a new process
    again = both(Checkpoints(tmp_path, pace=ALWAYS))
    assert [run.position for run in again] == [(3, 0), (2, 0)]
    assert [trained(run) for run in again] == curves
    assert [weights(run) for run in again] == [weights(run) for run in whole]


def test_finished_trainings_are_written_with_the_next_due_checkpoint(tmp_path: Path) -> None:
    clock = Checkpoints(tmp_path, pace=Pace(every=3600))
    first = begun(network, clock, seed=1)
    trained(first)
    second = begun(network, clock, seed=2)
    second.epoch()
    assert not list(tmp_path.iterdir())
    assert not clock.ask(0)
    second.epoch()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["training-0.npz", "training-1.npz"]
    assert clock.ask(0) is False  # one was written for the last that asked; this one waits for the next
    assert clock.written == 2


def test_weights_of_epochs_before_the_checkpoint_are_refused(tmp_path: Path) -> None:
    trained(begun(network, Checkpoints(tmp_path, pace=ALWAYS)))
    run = begun(network, Checkpoints(tmp_path, pace=ALWAYS))
    run.epoch()
    with pytest.raises(UsageError, match="weights after epoch 1 are not at hand"):
        run.model()
    with pytest.raises(UsageError, match="not at hand"):
        run.evaluate(VALIDATION)


def left(folder: Path) -> Path:
    """The file of a training of which three epochs are made."""
    run = begun(network, Checkpoints(folder, pace=ALWAYS))
    for _ in range(3):
        run.epoch()
    return folder / "training-0.npz"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(b"\x93NUMPY") + 128] ^= 1  # in the first array's numbers
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def pickled(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.json", json.dumps({"kinds": ["object"]}))
        with archive.open("0.npy", "w") as entry:
            np.lib.format.write_array(entry, np.array([print], dtype=object), allow_pickle=True)


def packed(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", " " * 10_000_000)


def rewritten(path: Path, change: Callable[[dict], object]) -> None:
    found = checkpoint_file.read(path)
    assert found is not None
    header, arrays = found
    change(header)
    checkpoint_file.write(path, header, arrays)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (cut, "it is damaged"),
        (flipped, "it is damaged"),
        (emptied, "it is damaged"),
        (pickled, "it is damaged"),
        (packed, "it is none of ours"),
        (lambda path: rewritten(path, lambda header: header["versions"].update(hpo="0.0.1")), "of another version"),
        (lambda path: rewritten(path, lambda header: header.update(format=99)), "of another version"),
        (lambda path: rewritten(path, lambda header: header.clear()), "it is damaged"),
        (lambda path: rewritten(path, lambda header: header["progress"].update(history=7)), "it is damaged"),
        (lambda path: rewritten(path, lambda header: header["progress"].update(values=1)), "of another model"),
    ],
    ids=["cut", "flipped", "emptied", "pickled", "packed", "hpo", "format", "bare", "history", "values"],
)
def test_a_malformed_checkpoint_is_ignored_with_a_warning(
    spoil: Callable[[Path], object], why: str, tmp_path: Path
) -> None:
    curve = trained(begun(network))
    spoil(left(tmp_path))
    with pytest.warns(HpoWarning, match=f"training-0.npz is not gone on from: .*{why}.*begins anew"):
        run = begun(network, Checkpoints(tmp_path, pace=ALWAYS))
    assert run.position == (0, 0)
    assert trained(run) == curve


@pytest.mark.parametrize(
    "more",
    [{"seed": 4}, {"epochs": 5}, {"metric": "mse"}],
    ids=["seed", "epochs", "metric"],
)
def test_a_checkpoint_of_another_training_is_ignored_with_a_warning(more: dict, tmp_path: Path) -> None:
    left(tmp_path)
    with pytest.warns(HpoWarning, match="it is of another training"):
        assert begun(network, Checkpoints(tmp_path), **more).position == (0, 0)


def test_other_rows_schedules_or_settings_make_another_training(tmp_path: Path) -> None:
    left(tmp_path)
    with pytest.warns(HpoWarning, match="it is of another training"):
        begun(lambda: network(schedule=OneCycle()), Checkpoints(tmp_path))
    with pytest.warns(HpoWarning, match="it is of another training"):
        begun(network, Checkpoints(tmp_path, about={"code": "new"}))
    made = build(lambda _: network(), {}, 3)
    others = Rows(x=X[:45] + 1, y=Y[:45])
    with pytest.warns(HpoWarning, match="it is of another training"):
        Run(made, others, VALIDATION, epochs=EPOCHS, metric="mae", seed=3, checkpoints=Checkpoints(tmp_path))


def test_a_full_disk_does_not_stop_the_training_and_is_warned_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curve = trained(begun(network))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run = begun(network, Checkpoints(tmp_path, pace=ALWAYS))
    monkeypatch.setattr(checkpoint_file.np.lib.format, "write_array", full)
    with pytest.warns(HpoWarning, match="the disk is full.*unharmed") as said:
        assert trained(run) == curve
    assert [each.category for each in said].count(HpoWarning) == 1
    assert not list(tmp_path.iterdir())  # nothing half-written


def test_a_checkpoint_folder_that_cannot_be_made_does_not_stop_the_training(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.warns(HpoWarning, match="no checkpoints are kept in .*file.*unharmed") as said:
        trained(begun(network, Checkpoints(tmp_path / "file" / "slot", pace=ALWAYS)))
    assert [each.category for each in said].count(HpoWarning) == 1


def test_no_checkpoint_is_written_where_there_is_no_room(tmp_path: Path) -> None:
    asked: list[int] = []
    none = Checkpoints(tmp_path, pace=ALWAYS, room=lambda _, size: bool(asked.append(size)))
    with pytest.warns(HpoWarning, match="it is as large as it may be"):
        trained(begun(network, none))
    assert asked
    assert not list(tmp_path.iterdir())


def test_partial_checkpoint_files_of_a_killed_writer_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".training-0.17.part.npz").write_bytes(b"half")
    left(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["training-0.npz"]


class OwnLoss(keras.Model):
    def compute_loss(
        self, x: object = None, y: object = None, y_pred: object = None, *_: object, **__: object
    ) -> object:
        return keras.ops.mean(keras.ops.square(keras.ops.reshape(y, (-1, 1)) - y_pred))


def two_inputs(optimizer: keras.optimizers.Optimizer, **options: object) -> Recipe:
    left, right = keras.Input((2,), name="left"), keras.Input((2,), name="right")
    inside = keras.layers.Concatenate()([keras.layers.Dense(8, "relu")(left), right])
    model = keras.Model({"left": left, "right": right}, keras.layers.Dense(1)(keras.layers.Dropout(0.3)(inside)))
    return Recipe(model=model, optimizer=optimizer, loss="mse", batch_size=16, **options)  # type: ignore[arg-type]


def own_loss() -> Recipe:
    inputs = keras.Input((4,))
    model = OwnLoss(inputs, keras.layers.Dense(1)(keras.layers.BatchNormalization()(inputs)))
    return Recipe(model=model, optimizer=keras.optimizers.Adam(0.05), loss="mse", batch_size=16, augment=jitter)


def halves(rows: Rows) -> Rows:
    assert isinstance(rows.x, np.ndarray)
    return Rows(x={"left": rows.x[:, :2], "right": rows.x[:, 2:]}, y=rows.y)


BY_FIT: dict[str, Callable[[], Recipe]] = {
    "several inputs, cosine": lambda: two_inputs(keras.optimizers.RMSprop(0.05), schedule=CosineDecay()),
    "averages": lambda: two_inputs(keras.optimizers.AdamW(0.05, use_ema=True, ema_momentum=0.8)),
    "stopped early": lambda: two_inputs(keras.optimizers.Adam(0.1), stopping=EarlyStopping(patience=2)),
    "a loss of its own, augmented": own_loss,
}


@pytest.mark.parametrize(
    "kind", [kind if "inputs" in kind else pytest.param(kind, marks=pytest.mark.thorough) for kind in BY_FIT]
)
@pytest.mark.filterwarnings("ignore::hpo.errors.HpoWarning")
def test_a_training_by_keras_fit_resumes_from_the_end_of_an_epoch(kind: str, tmp_path: Path) -> None:
    made = (halves(TRAIN), halves(VALIDATION)) if kind != "a loss of its own, augmented" else (TRAIN, VALIDATION)

    def begun_by_fit(checkpoints: Checkpoints | None = None) -> Run:
        recipe = build(lambda _: BY_FIT[kind](), {}, 3)
        return Run(recipe, *made, epochs=EPOCHS, metric="mae", seed=3, checkpoints=checkpoints)

    whole = begun_by_fit()
    assert whole.why_fit is not None
    curve, final = trained(whole), weights(whole)
    told = None
    for breaking in range(2, 2 * EPOCHS):  # begun anew after each epoch, and within the one after it
        steps = 0

        def beat() -> None:
            nonlocal steps
            steps += 1
            if steps == 4:  # of an epoch that has three: one is trained at each attempt
                raise Broken

        run = begun_by_fit(Checkpoints(tmp_path, pace=ALWAYS))
        assert run.resumed == min(breaking - 2, len(curve))
        try:
            told = trained(run, beat)
        except Broken:
            continue
        break
    assert told == curve
    assert weights(run) == final


def own_step() -> Recipe:
    class OwnStep(keras.Sequential):
        def train_step(self, data: object) -> object:
            return super().train_step(data)

    made = network()
    return Recipe(model=OwnStep(made.model.layers), optimizer=made.optimizer, loss="mse", batch_size=16)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: network(callbacks=[keras.callbacks.TerminateOnNaN()]), "its callbacks keep"),
        (own_step, "a step of its own"),
    ],
)
def test_trainings_with_state_of_their_own_warn_that_they_have_no_checkpoint(
    make: Callable[[], Recipe], why: str, tmp_path: Path
) -> None:
    with pytest.warns(HpoWarning, match=f"no checkpoint is kept.*{why}"):
        run = Run(make(), TRAIN, epochs=2, metric="mae", seed=0, checkpoints=Checkpoints(tmp_path, pace=ALWAYS))
    run.epoch()
    assert not list(tmp_path.iterdir())


def test_arrays_of_any_type_survive_a_checkpoint(tmp_path: Path) -> None:
    import tensorflow as tf

    arrays = [
        tf.constant([1.5, -2.0], tf.bfloat16).numpy(),
        np.array(7, np.uint32),
        np.zeros((0, 3)),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array([True, False]),
    ]
    checkpoint_file.write(tmp_path / "deep" / "some.npz", {"a": [1]}, arrays)
    found = checkpoint_file.read(tmp_path / "deep" / "some.npz")
    assert found is not None
    assert found[0]["a"] == [1]
    for given, read in zip(arrays, found[1], strict=True):
        assert (read.dtype, read.shape) == (given.dtype, given.shape)
        assert read.tobytes() == given.tobytes()
    assert checkpoint_file.read(tmp_path / "none.npz") is None


def test_expensive_checkpoints_are_written_more_rarely() -> None:
    assert Pace(every=30).pause(0.1) == 30
    cost = 2.0
    pause = Pace(every=30).pause(cost)
    assert cost / (cost + pause) == pytest.approx(0.02)
    with pytest.raises(DefinitionError, match="above 0"):
        Pace(share=0)
