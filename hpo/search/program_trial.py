"""A trial of a program: it is told its configuration, what it prints is read, and what it came to is its value."""

import signal
from collections.abc import Callable

from optuna.trial import Trial

from hpo.errors import DefinitionError, Infeasible
from hpo.search.program_input import ProgramInput
from hpo.search.program_output import ProgramFailed, ProgramOutput
from hpo.search.running_program import RunningProgram
from hpo.search.suggest import suggest
from hpo.study.open_space import DECLARED
from hpo.study.program import Program
from hpo.study.space import Space

__all__ = ["ProgramTrial"]

_BEAT = 1.0  # seconds between signs of life


class ProgramTrial:
    """Runs a program for a trial; a plain Optuna callable."""

    def __init__(self, program: Program, beat: Callable[[], None] = lambda: None) -> None:
        """`beat` is called about once a second while the program runs; what it raises ends the program."""
        self._program = program
        self._space = Space(name=DECLARED, params=program.params)
        self._beat = beat

    def __call__(self, trial: Trial) -> float | list[float]:
        """Its value, or one for each direction.

        Raises:
            TrialPruned: what it reported is worse than what others did.
            Infeasible: its exit code says that the configuration cannot be run.
            ProgramFailed: it came to no value; the message says how it ended and its last words.
            DefinitionError: it cannot be started.

        """
        program, params = self._program, suggest(self._space, trial)
        told = ProgramInput(program, trial, params)
        output = ProgramOutput(program, trial, told.file)
        folder, environment = program.working_folder, told.environment()
        with RunningProgram(told.words(), folder=folder, environment=environment, grace=program.grace) as running:
            for line in running.lines(_BEAT):
                self._beat()
                if line is not None:
                    output.take(*line)
            try:
                code = running.exit_code
            except OSError as error:
                what = f"program {told.words()[0]!r:.80}"
                raise DefinitionError(f"{what} cannot be started: {error.strerror or error}") from error
        if code in program.infeasible:
            raise Infeasible(f"exit code {code}{output.last_words}")
        if code:
            raise ProgramFailed(f"{_how(code)}{output.last_words}", output.errors)
        return output.values()


def _how(code: int) -> str:
    if code > 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
