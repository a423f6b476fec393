"""Which configuration of a definition a word names: a search's best, a trial of it, a baseline, or a JSON file's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hpo.errors import StudyError, UsageError
from hpo.files import expanded
from hpo.study import Params, StudyDefinition
from hpo.study.configurations import read_one

if TYPE_CHECKING:
    from hpo.storage.studies import StudyRecord

__all__ = ["NamedConfiguration", "configuration_named"]

BEST = "best"
_DIGITS = 10  # no search has trials of so many: a longer number is none of theirs, nor one a database takes


@dataclass(frozen=True, kw_only=True)
class NamedConfiguration:
    """A configuration and where it is from."""

    params: Params
    source: str  # where it comes from, for a person
    search: "StudyRecord | None" = None  # the study it was found in; None: in none


def configuration_named(word: str, definition: StudyDefinition, *, study: str | None, url: str) -> NamedConfiguration:
    """The configuration that `word` names.

    Args:
        word: `best` (of a search), a trial's number there, a baseline's name, or a JSON file.
        definition: whose configuration it is.
        study: whose best or whose trial is meant, where the definition has several studies.
        url: of the storage, which is opened for `best` and a number alone.

    Raises:
        UsageError: there is no such configuration.
        StudyError: there is no such study or trial, it is another definition's, or no trial of it is complete.
        StorageError: the database cannot be reached or read.

    """
    if word == BEST:
        return _of_search(definition, study, url, None)
    baselines = {baseline.name: baseline.params for baseline in definition.baselines}
    path = expanded(word)
    if word not in baselines and word.isdecimal() and len(word) < _DIGITS and not path.exists():
        return _of_search(definition, study, url, int(word))
    if study is not None:
        raise UsageError(f"--study goes with --config best or a trial's number, not with --config {word}")
    if word in baselines:
        return NamedConfiguration(params=baselines[word], source=f"baseline {word}")
    if path.suffix != ".json" and not path.exists():
        known = ", ".join([BEST, *baselines])
        raise UsageError(
            f"{definition.name} has no configuration {word!r}; there are: {known}, a trial's number, or a JSON file"
        )
    return NamedConfiguration(params=read_one(path, definition), source=str(path))


def _of_search(definition: StudyDefinition, study: str | None, url: str, number: int | None) -> NamedConfiguration:
    """The configuration of a search's trial of that number; None: of its best."""
    from hpo import storage
    from hpo.storage import studies
    from hpo.storage.queries import study_results

    opened = storage.open(url)
    try:
        record = studies.find(opened, study or definition.name)
        if record.definition != definition.name:
            raise StudyError(f"study {record.name!r} is of definition {record.definition}, not of {definition.name}")
        if record.kind != "search":
            raise StudyError(
                f"study {record.name!r} is a {studies.purpose(record)}: only a search chooses a configuration"
            )
        chosen = (
            study_results.best(opened, record.name)
            if number is None
            else study_results.trial(opened, record.name, number)
        )
    finally:
        opened.close()
    source = f"trial {chosen.number} of {record.name}"
    if problem := definition.space(record.space).problem(chosen.params):
        raise StudyError(f"{source} is no whole configuration of space {record.space!r} as it is now: {problem}")
    return NamedConfiguration(params=chosen.params, source=source, search=record)
