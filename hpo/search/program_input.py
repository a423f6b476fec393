"""What a program is told of its trial: its command filled in, its environment, and files in a folder of the trial's."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from optuna.trial import Trial

from hpo.errors import DefinitionError
from hpo.search.seeds import SEED
from hpo.study.placeholders import as_text, filled, named
from hpo.study.program import FOLDER, PARAMS, PARAMS_FILE, PARAMS_JSON, TRIAL, Program, Word
from hpo.study.program import SEED as SEED_NAME
from hpo.study.space import Params

__all__ = ["ProgramInput"]


class ProgramInput:
    """What a program is told of its trial."""

    def __init__(self, program: Program, trial: Trial, params: Params) -> None:
        self._program = program
        self._trial = trial
        self._params = params
        self._stands_for = {name: as_text(value) for name, value in params.items()}
        self._json = json.dumps(dict(params), ensure_ascii=False)
        self._stands_for |= {
            PARAMS_JSON: self._json,
            PARAMS: " ".join(map(shlex.quote, self._options())),
            SEED_NAME: str(trial.user_attrs.get(SEED, 0)),
            TRIAL: str(trial.number),
        }
        if program.names & {FOLDER, PARAMS_FILE}:
            folder = self._folder()
            self._stands_for |= {FOLDER: str(folder), PARAMS_FILE: str(folder / "params.json")}
            if PARAMS_FILE in program.names:
                (folder / "params.json").write_text(f"{self._json}\n", encoding="utf-8")
        if self.file is not None:
            with suppress(FileNotFoundError):  # of another study's trial of that number
                self.file.unlink()

    def _folder(self) -> Path:
        """The trial's own, made where it is not there. Raises DefinitionError."""
        study = re.sub(r"[^\w.-]", "_", self._trial.study.study_name).lstrip(".") or "study"
        made = (self._program.working_folder / self._program.trials / study / str(self._trial.number)).absolute()
        try:
            made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DefinitionError(f"folder {made} of a trial cannot be made: {error.strerror or error}") from error
        self._trial.set_user_attr(FOLDER, str(made))
        return made

    @property
    def file(self) -> Path | None:
        """The file it writes its values to; None: it prints them."""
        if not self._program.value.file:
            return None
        return self._program.working_folder / filled(self._program.value.file, self._stands_for)

    def words(self) -> list[str]:
        """Its command; what names a parameter that is not there is left out, with all that belongs together."""
        program = self._program
        if program.shell:
            quoted = {name: text if name == PARAMS else shlex.quote(text) for name, text in self._stands_for.items()}
            return ["/bin/sh", "-c", filled(program.flat[0], quoted)]
        return [word for group in program.command for word in self._filled(group)]

    def _filled(self, group: Word) -> Iterator[str]:
        words = (group,) if isinstance(group, str) else group
        if any(name not in self._stands_for for word in words for name in named(word)):
            return
        for word in words:
            if word == f"{{{PARAMS}}}":
                yield from self._options()
            else:
                yield filled(word, self._stands_for)

    def _options(self) -> Iterator[str]:
        """Each parameter in the words of an option; one that is none is left out."""
        for name, value in self._params.items():
            if value is not None:
                for word in self._program.option.split():
                    yield filled(word, {"name": name, "value": as_text(value)})

    def environment(self) -> dict[str, str]:
        """The worker's own, what the program's file adds, and what any program may look at."""
        own = {
            name: filled(text, self._stands_for)
            for name, text in self._program.environment.items()
            if all(word in self._stands_for for word in named(text))
        }
        known = {
            "HPO_PARAMS": self._json,
            "HPO_SEED": self._stands_for[SEED_NAME],
            "HPO_TRIAL": self._stands_for[TRIAL],
        }
        ours = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}  # hpo's own
        # Python keeps back what it prints into a pipe, and reports would come when all is over.
        return {"PYTHONUNBUFFERED": "1", **ours, **known, **own}
