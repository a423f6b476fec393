"""Writing the files that `hpo init` makes: an objective, a definition, or a program's file with its program."""

from pathlib import Path

from hpo.errors import UsageError
from hpo.experiments.starter_record import Kind, Starter
from hpo.experiments.starter_texts import TEXTS, program
from hpo.files import expanded, refuse_unwritable, replacing
from hpo.study.program_file import SUFFIXES

__all__ = ["kind_of", "write_starter"]


def kind_of(path: Path) -> Kind:
    """What a file of that name is, where nobody says. Raises UsageError."""
    if path.suffix == ".py":
        return "objective"
    if path.suffix == ".toml":
        return "command"
    if path.suffix in SUFFIXES:
        raise UsageError(f"{path} would be YAML, which hpo reads and does not write: name it {path.stem}.toml")
    raise UsageError(f"{path} is to end in .py, for an objective or a definition, or in .toml, for a command")


def write_starter(path: Path, wanted: Starter) -> list[Path]:
    """Write the file, and the program beside it where there is none yet; their paths.

    Raises:
        UsageError: one of them is there already, or cannot be written.

    """
    path = expanded(path)
    texts = {path: TEXTS[wanted.kind](path, wanted)}
    if wanted.kind == "command" and not wanted.command:
        texts[path.with_suffix(".py")] = program(path, wanted)
    for each in texts:
        if each.exists():
            raise UsageError(f"{each} is there already, and is left as it is: name another file")
        refuse_unwritable(each)
    for each, text in texts.items():
        with replacing(each) as file:
            file.write_text(text, encoding="utf-8")
    return list(texts)
