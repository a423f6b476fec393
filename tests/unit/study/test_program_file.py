"""Files that say how a program is searched: what they mean, and what is refused in one line."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import DefinitionError, UsageError
from hpo.search.suggest import distribution
from hpo.study import Categorical, Float, Int, registry
from hpo.study.open_space import DECLARED, is_of_objective
from hpo.study.placeholders import as_text, filled, named
from hpo.study.plain_objective import PlainObjective
from hpo.study.program import Program

WHOLE = """
command = ["python3", "train.py", "{params}", ["--momentum", "{momentum}"], "--seed={seed}"]
direction = "maximize"
metric = "accuracy"
unit = "%"
margin = 0.5
infeasible = [77]

[value]
pattern = 'accuracy (\\S+)'

[reports]
value = "accuracy"
step = "epoch"

[environment]
THREADS = "{layers}"

[space.rate]
type = "float"
low = 1e-4
high = 0.1
log = true

[space.share]
type = "float"
low = 0.0
high = 0.95
step = 0.1

[space.layers]
type = "int"
low = 1
high = 8

[space.optimizer]
choices = ["sgd", "adam"]

[space.momentum]
type = "float"
low = 0.0
high = 0.9
when = { optimizer = "sgd" }

[baselines.hand]
rate = 0.01
share = 0.3
layers = 2
optimizer = "adam"
"""
SHORT = 'command = ["train"]\nspace.x = {type = "int", low = 1, high = 2}\n'
AS_YAML = """
command: train {x}
direction: [minimize, maximize]
space:
  x: {type: float, low: 1e-4, high: 1e-1}
  y: {choices: [1, a, null]}
"""


def found(folder: Path, text: str, suffix: str = ".toml", **options: Any) -> PlainObjective:
    file = folder / f"train{suffix}"
    file.write_text(text)
    objective = registry.find(str(file), **options)
    assert isinstance(objective, PlainObjective)
    return objective


def test_a_program_file_may_set_every_field(tmp_path: Path) -> None:
    objective = found(tmp_path, WHOLE)
    assert (objective.name, objective.direction, objective.metric, objective.unit) == (
        "train",
        "maximize",
        "accuracy",
        "%",
    )
    assert (objective.margin, objective.seeds, objective.file) == (0.5, True, tmp_path / "train.toml")
    space = objective.space()
    assert space.name == DECLARED
    assert is_of_objective(space.name)
    assert space.params["rate"] == Float(low=1e-4, high=0.1, log=True)
    assert space.params["layers"] == Int(low=1, high=8)
    assert space.params["optimizer"] == Categorical(choices=("sgd", "adam"))
    assert distribution(space.params["share"]).to_internal_repr(0.9) == 0.9
    assert space.problem({"rate": 0.01, "share": 0.25, "layers": 2, "optimizer": "adam"})
    assert objective.baseline().params["layers"] == 2
    program = objective.program
    assert program is not None
    assert program.command[3] == ("--momentum", "{momentum}")
    assert (program.infeasible, program.working_folder) == ((77,), tmp_path)
    assert objective.title == ("the program python3 train.py {params} --momentum {momentum} --seed={seed}")


def test_a_yaml_program_file_means_the_same_with_numbers_as_numbers(tmp_path: Path) -> None:
    objective = found(tmp_path, AS_YAML, ".yaml")
    assert objective.directions == ("minimize", "maximize")
    assert objective.space().params == {"x": Float(low=1e-4, high=0.1), "y": Categorical(choices=(1, "a", None))}
    assert objective.program is not None
    assert objective.program.command == ("train", "{x}")
    assert not objective.seeds


def test_a_program_files_direction_may_be_given_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"give --direction .* or write direction into its file"):
        _ = found(tmp_path, SHORT).direction
    assert found(tmp_path, SHORT, directions=("minimize",)).direction == "minimize"


def test_a_programs_version_follows_its_file_and_scripts_in_any_folder(tmp_path: Path) -> None:
    here, there = tmp_path / "a", tmp_path / "b"
    for folder in (here, there):
        folder.mkdir()
        (folder / "train.py").write_text("print(1)")
    assert found(here, WHOLE).version == found(there, WHOLE).version
    (there / "train.py").write_text("print(2)")
    changed = found(there, WHOLE)
    assert changed.version != found(here, WHOLE).version
    assert found(here, WHOLE.replace("77", "78")).version != found(here, WHOLE).version
    assert registry.reference(str(here / "train.toml")) == str(here / "train.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("command = [", "train.toml: not TOML: Invalid value"),
        (f"command = 1{'0' * 5000}", "train.toml: not TOML: Exceeds the limit"),
        ('command = "a"', r"train.toml: it needs space: \[space.learning_rate\] with"),
        ("[space.x]\ntype = 'int'\nlow = 1\nhigh = 2", r"it needs command: command = \["),
        (SHORT + "commmand = 3", "it has no key 'commmand'; did you mean command"),
        (SHORT.replace("low", "lo"), "space.x has no key 'lo'; did you mean low"),
        (SHORT.replace("low = 1, ", ""), "space.x: missing 1 required keyword-only argument: 'low'"),
        (SHORT.replace("1", '"a"'), "space.x: an Int's low must be a whole number, not 'a'"),
        (SHORT.replace('type = "int", ', ""), 'space.x needs a type, "float", "int" or "categorical", and has none'),
        (SHORT.replace('"train"', '"--x={y}"'), r"names \{y\}, which stands for nothing; .*there are: x, params"),
        (SHORT.replace('["train"]', "[]"), "command must have a word"),
        (SHORT.replace('["train"]', "'train \"'"), "command is no command: No closing quotation"),
        (SHORT.replace("x =", "seed ="), "a program's parameter cannot be called seed: that is the trial's seed"),
        (SHORT + "[value]\npattern = '('", r"train.toml: value: a ValueSource's pattern '\(' is no regular expression"),
        (SHORT + "[value]\npattern = 'a'", r"'a' needs a group around the number"),
        (SHORT + "[value]\npattern = '(a)'\nkey = 'a'", "by a pattern or by a key, not by both"),
        (SHORT + "[value]\nfile = '{folder}/a'", "needs the key it has there"),
        (SHORT + "[value]\nfile = 'a.json'\nkey = 'a'", r"two trials would share 'a.json': write \{folder\} or"),
        (SHORT + "[value]\nkey = ['a', 'b']\n", "train.toml: value reads 2 values and direction names 1"),
        (SHORT + "[reports]\nstep = 'a'", "by a pattern, or by value"),
        (SHORT + "[baselines.hand]\nx = 3", "baseline 'hand' is no configuration: x=3 is not a whole number from 1"),
        (SHORT + "infeasible = [0]", "exit codes from 1 to 255, not 0"),
        (SHORT + "grace = -1", "grace must be 0 or more"),
        (WHOLE.replace('["--momentum", "{momentum}"]', '"--momentum", "{momentum}"'), "--momentum would stay without"),
        (WHOLE.replace("log = true", "log = true\nstep = 0.1"), "space.rate: a Float's step needs log unset"),
    ],
)
def test_an_invalid_program_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    text = text if "direction" in text else f'direction = "minimize"\n{text}'
    with pytest.raises(DefinitionError, match=message) as caught:
        found(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "train.toml") in str(caught.value)


def test_a_missing_or_unreadable_program_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*none.toml; hpo init none.toml writes one"):
        registry.find(str(tmp_path / "none.toml"))
    with pytest.raises(DefinitionError, match="not YAML"):
        found(tmp_path, "a: [", ".yml")
    with pytest.raises(DefinitionError, match="must have keys such as command"):
        found(tmp_path, "- a", ".yml")
    (tmp_path / "train.toml").write_bytes(b"\xff")
    with pytest.raises(DefinitionError, match="not UTF-8 at byte 0"):
        registry.find(str(tmp_path / "train.toml"))
    found(tmp_path, SHORT)
    with pytest.raises(DefinitionError, match="is a program, of which hpo knows neither data nor models"):
        registry.load(str(tmp_path / "train.toml"))


def test_a_shell_command_is_a_text_without_optional_words(tmp_path: Path) -> None:
    objective = found(tmp_path, SHORT.replace('["train"]', '"train {x} | tail -1"') + "shell = true")
    assert objective.program is not None
    assert objective.program.command == ("train {x} | tail -1",)
    with pytest.raises(DefinitionError, match="the command of a shell must be a text"):
        found(tmp_path, SHORT + "shell = true")
    conditional = "when = { x = 1 }"
    text = SHORT.replace('["train"]', '"train {y}"') + f"space.y = {{choices = [1, 2], {conditional}}}\nshell = true\n"
    with pytest.raises(DefinitionError, match=r"cannot leave out \{y\}.* write \{params\}"):
        found(tmp_path, text)


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][\w.-]{0,5}", fullmatch=True), st.text(), min_size=1, max_size=4))
def test_placeholders_in_braces_are_filled_in_once(values: dict[str, str]) -> None:
    text = "".join(f"<{{{name}}}>" for name in values)
    assert filled(text, values) == "".join(f"<{value}>" for value in values.values())
    assert named(text) == tuple(values)


@given(st.text(alphabet=st.characters(blacklist_characters="{}")))
def test_texts_without_placeholders_stay_unchanged(text: str) -> None:
    assert filled(text, {}) == text
    assert filled(f'{{"{text}": {{}}}}', {}) == f'{{"{text}": {{}}}}'
    assert filled("${HOME} { x } {{print}} {{}}", {}) == "${HOME} { x } {print} {{}}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_keeps_all_its_digits(value: float) -> None:
    assert float(as_text(value)) == value


def test_parameter_values_are_written_as_text() -> None:
    assert [as_text(value) for value in (True, None, 3, 0.1, "Ab c")] == ["true", "none", "3", "0.1", "Ab c"]


def test_a_program_is_a_record_that_checks_itself() -> None:
    with pytest.raises(DefinitionError, match="a program needs a parameter"):
        Program(command=("train",))
    with pytest.raises(DefinitionError, match="a Program's command must be a tuple"):
        Program(command=3, params={"x": Int(low=0, high=1)})  # type: ignore[arg-type]
