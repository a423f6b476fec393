"""Whose stdout it is: results go there, and whatever else is printed while a command runs goes to stderr."""

import json
import os
import subprocess
import sys

import pytest

from hpo.cli.printing.console import apart, document, results, table, tell


def test_printed_output_is_kept_out_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with apart():
        print("a definition's")
        tell("a line")
        table(["head"], [["cell"]])
        with apart():
            print("deeper")
            document({"a": 1})
    print("after")
    written = capsys.readouterr()
    assert written.err == "a definition's\ndeeper\n"
    assert written.out.startswith("a line\n")
    assert "cell" in written.out
    assert written.out.endswith('{\n  "a": 1\n}\nafter\n')


def test_stdout_is_restored_after_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), apart():
        raise ZeroDivisionError
    assert results() is sys.stdout
    tell("still there")
    assert capsys.readouterr().out == "still there\n"


OTHERS = """
import os, subprocess, sys
from hpo.cli.printing.console import tell
from hpo.cli.printing.console import apart, own_stdout
with own_stdout(), apart():
    print("python's")
    os.write(1, b"a library's\\n")
    subprocess.run(["echo", "a program's"], check=True)
    tell("result")
print("after")
subprocess.run(["echo", "and this"], check=True)
"""


def test_output_of_libraries_and_subprocesses_goes_to_stderr() -> None:
    done = subprocess.run([sys.executable, "-uc", OTHERS], capture_output=True, text=True, check=True)
    assert done.stdout == "result\nafter\nand this\n"
    assert done.stderr == "python's\na library's\na program's\n"


ASCII = """
from hpo.cli.printing.console import document, say, table, tell
from hpo.cli.printing.console import own_stdout
with own_stdout():
    tell("μ … \\udcff")
    table(["größe"], [["×"]], title="тест")
    document({"größe": "×\\U0001f600"})
    say("é")
"""


@pytest.mark.parametrize(
    "settings", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_characters_stdout_cannot_encode_are_escaped(settings: dict[str, str]) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "PYTHONIO"))}
    code = ASCII.encode("ascii", "backslashreplace").decode()  # as Python writes what ASCII lacks, too
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env={**environment, **settings}
    )
    out = done.stdout.decode("ascii")
    assert out.startswith("\\u03bc \\u2026 \\udcff\n")
    assert "gr\\xf6\\xdfe" in out
    assert json.loads(out[out.index("{") :]) == {"größe": "×\U0001f600"}
    assert done.stderr == b"\\xe9\n"


def test_characters_are_not_escaped_where_stdout_can_encode_them() -> None:
    code = "from hpo.cli.printing.console import document; document({'größe': '×'})"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    assert "größe".encode() in done.stdout
