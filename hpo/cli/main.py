"""The one place where errors become a line on stderr and an exit code."""

import os
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress

import typer

from hpo.cli.printing.console import own_stdout
from hpo.errors import HpoError
from hpo.messages import pass_notes_to, printable, said

__all__ = ["DONE", "ERROR", "INTERRUPTED", "USAGE", "main"]

_OF_PYDANTIC = ": Value error, "  # how Typer's text begins where pydantic refused the value
_LONGEST = 2000  # characters of a message; what is left out of a longer one is in its middle

DONE = 0
ERROR = 1  # an expected error, or a defect
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; its exit code.

    0 done, 1 an expected error, 2 usage, 130 interrupted. An error is one line on stderr; HPO_DEBUG=1 adds its
    traceback.
    """
    _open_streams()
    with own_stdout(), pass_notes_to(_note):
        code = _run(argv)
    if argv is None:
        _end(code)
    return code


def _end(code: int) -> None:
    """End the process here where a definition has left threads, for which the interpreter would wait."""
    threads = [each for each in threading.enumerate() if not each.daemon and each is not threading.main_thread()]
    if threads:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _run(argv: Sequence[str] | None) -> int:
    from hpo.cli.app import app

    arguments = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        code = app(arguments, prog_name="hpo", standalone_mode=False)
        sys.stdout.flush()  # what cannot be written shows here, not as noise at the interpreter's end
    except HpoError as error:
        return _fail(str(error), error.exit_code)
    except typer.Abort:
        return _fail("not confirmed, so nothing was done", ERROR)
    except typer.TyperException as error:
        return _fail(_usage(error), error.exit_code)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone: nothing to say, and nobody to say it to
        return _deaf()
    except UnicodeEncodeError as error:  # bytes on the command line, or in the environment, that are no UTF-8
        wrong = error.object[error.start : error.start + 9]
        return _fail(f"what was given holds {wrong!r}, which is no text in UTF-8: write it in other characters", USAGE)
    except OSError as error:
        _deaf()
        return _fail(_system(error), ERROR)
    except Exception as error:
        return _fail(_defect(error), ERROR)
    if code == INTERRUPTED:
        return _fail("interrupted", INTERRUPTED)
    return code if isinstance(code, int) else DONE


def _open_streams() -> None:
    """Open those of the three standard streams that whoever started us had closed (`>&-`), on nothing.

    Else there would be nothing to print to, and the next file or connection would take the stream's number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: the stream's own
            os.set_inheritable(nowhere, True)  # for workers likewise
            setattr(sys, name, os.fdopen(nowhere, mode, encoding="utf-8", closefd=False))


def _note(text: str) -> None:
    print(f"hpo: note: {printable(text)}", file=sys.stderr, flush=True)


def _fail(message: str, code: int) -> int:
    if os.environ.get("HPO_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    line = printable(" ".join(message.split()))
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST // 2]} … {line[-_LONGEST // 2 :]}"
    print(f"hpo: {line}", file=sys.stderr)
    return code


def _deaf() -> int:
    """Send the rest of stdout nowhere, so that the interpreter's last flush cannot fail too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return ERROR


def _usage(error: typer.TyperException) -> str:
    """One line for what is wrong with the arguments, and where to read more."""
    message = error.format_message().rstrip(".").replace(_OF_PYDANTIC, ": ", 1)
    context = getattr(error, "ctx", None)  # usage errors alone carry one
    command = context.command_path if context is not None else "hpo"
    return f"{message[:1].lower()}{message[1:]}; see '{command} --help'"


def _system(error: OSError) -> str:
    """What the operating system refused: a full disk, a file that may not be written."""
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"


def _defect(error: Exception) -> str:
    how = "" if os.environ.get("HPO_DEBUG") else "; run it again with HPO_DEBUG=1 to see where"
    return f"unexpected {type(error).__name__}: {said(error)[:300] or 'no message'}{how}"
