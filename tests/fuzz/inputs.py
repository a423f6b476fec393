"""Wrong inputs: for every command and each of its arguments and options, values by what it takes."""

import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["SECRET", "STUDY", "Case", "cases", "things"]

SECRET = "hunter2-s3cret"  # the password that must never be shown
STUDY = "toy-small-quick"

TEXTS = (
    "",
    " ",
    "x" * 20_000,
    "grün 𝄞",
    "\udce9",  # a byte that is no UTF-8
    "two\nlines",
    "\x1b[31mred\x1b[0m\x07",
    "--",
    "-",
    "~nosuch/x",
    "/",
    "..",
    "%s%n{0}{{7*7}}",
    "'; DROP TABLE trials; --",
)
NUMBERS = ("", "-1", "0", "nan", "inf", "-inf", "1e400", "9" * 5000, "0x10", "1_0", "٣", "1.5", "true", "\udce9")
TIMES = ("", "0", "-5", "nan", "1e400", "9" * 5000 + "d", "1y", "5 m x", "00:10", "\udce9")
SIZES = ("", "0", "-1G", "1T", "9" * 5000, "nan", "\udce9")
URLS = (
    "",
    f"postgresql://me:{SECRET}@localhost:1/db",
    f"postgresql://me:{SECRET}@host:port/db",
    f"postgres://me:{SECRET}@localhost:1/db",
    f"postgresql+nosuch://me:{SECRET}@localhost:1/db",
    f"mysql://me:{SECRET}@localhost/db",
    f"postgresql://me:{SECRET}@[::1/db",
    f"postgresql://localhost:1/db?password={SECRET}",
    f"postgresql://me:{SECRET}@localhost:1/db?nosuch=1&sslmode=never",
    f"sqlite://me:{SECRET}@/x.db",
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite:///none/hpo.db",
    "sqlite:///{things}/folder",
    "sqlite:///{things}/pipe",
    "sqlite:///{things}/socket",
    "sqlite:///{things}/text.db",
    "sqlite:////dev/zero",
    "sqlite:////dev/full",
    "sqlite:////dev/stdin",
    "sqlite:///~nosuch/x.db",
    "sqlite:///hpo.db?mode=ro",
    "\udce9",
    "http://[",
    "x" * 5000,
)
FILES = (
    "",
    "none.json",
    "none/none.json",
    "{things}/folder",
    "{things}/pipe",
    "{things}/socket",
    "{things}/loop",
    "{things}/binary",
    "{things}/half.json",
    "{things}/deep.json",
    "{things}/twins.json",
    "{things}/digits.json",
    "{things}/nan.json",
    "{things}/list.json",
    "{things}/empty",
    "{things}/text.db",
    "/dev/zero",
    "/dev/full",
    "/dev/stdin",
    "/dev/null",
    "/dev/tty",
    "/proc/self/mem",
    "~nosuch/x.json",
    "n" * 300 + ".json",
    "\udce9.json",
    "two\nlines.json",
)
OUTPUTS = (
    *FILES,
    "model.txt",
    "none/none.csv",
    "{things}/pipe.csv",
    "{things}/folder.html",
    "{things}/pipe.keras",
    "x.parquet/y",
)
PROGRAMS: Mapping[str, bytes] = {  # files of programs that are none
    "syntax.toml": b"command = [",
    "binary.toml": bytes(range(256)) * 10,
    "nothing.toml": b"",
    "unknown.toml": b"command = 'true'\nnosuch = 1\n",
    "types.toml": b"command = {a = 1}\nspace = [1]\ndirection = 3\n",
    "range.toml": b"command = 'true'\ndirection = 'minimize'\nspace.x = {type = 'float', low = 2.0, high = 1.0}\n",
    "words.toml": b"command = 'true {nosuch}'\ndirection = 'minimize'\nspace.x = {choices = [1]}\n",
    "quote.toml": b"command = \"true 'x\"\ndirection = 'minimize'\nspace.x = {choices = [1]}\n",
    "pattern.toml": b"command = 'true'\ndirection = 'minimize'\nvalue.pattern = '('\nspace.x = {choices = [1]}\n",
    "digits.toml": b"command = 'true'\ndirection = 'minimize'\nspace.x = {choices = [1" + b"0" * 5000 + b"]}\n",
    "deep.toml": b"command = " + b"[" * 5000 + b"]" * 5000 + b"\n",
    "syntax.yaml": b"command: [",
    "list.yaml": b"- 1\n- 2\n",
    "code.yaml": b"command: !!python/object/apply:os.system ['touch made']\n",
    "many.yaml": b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 122)),
    "deep.yaml": b"[" * 5000 + b"]" * 5000,
}
DEFINITIONS = (
    *TEXTS,
    "cn",
    "./none.py:study",
    "./toy.py",
    "./toy.py:",
    ":study",
    "./toy.py:nosuch",
    "./toy.py:space",
    "./toy.py:os.path",
    "no.such.module:study",
    "..:study",
    "json:study",
    "{things}/folder:study",
    "{things}/pipe:study",
    "{things}/socket:study",
    "{things}/loop:study",
    "{things}/binary:study",
    "{things}/plain:nosuch",
    "/dev/zero:study",
    "/dev/stdin:study",
    "~nosuch/x.py:study",
    "n" * 300 + ".py:study",
    "./none.toml",
    "./work.toml:study",
    "{things}/pipe.toml",
    "{things}/folder.toml",
    "/dev/zero.toml",
    *(f"{{things}}/{name}" for name in PROGRAMS),
)
SCORES = (
    *(
        f"{{things}}/{name}"
        for name in ("pipe.csv", "folder.csv", "binary.csv", "empty.csv", "ragged.csv", "words.csv")
    ),
    "none.csv",
    "/dev/zero",
    "n" * 300 + ".csv",
    "\udce9.csv",
)
PARAMS = ("x", "=", "x=", "=1:2", "x=1:2:3:4", "x=2:1", "x=0:1:log", "x=nan:1", "x=1:inf", "x=a:b", "x=1:" + "9" * 5000,
          "trial=1:2", "x y=1:2", "x=,", "x=a,a", "class=a,b", "\udce9=1:2")  # fmt: skip
TARGETS = ("", "nosuch:x", "mlflow:", "webhook:", "webhook:x", f"webhook:http://me:{SECRET}@[::1", "tensorboard:",
           "tensorboard:{things}/pipe", "./none.py:Observer", "./toy.py:study", "\udce9:x", "x" * 5000)  # fmt: skip
BY_METAVAR: Mapping[str, tuple[str, ...]] = {
    "DEFINITION": DEFINITIONS,
    "N": NUMBERS,
    "S": NUMBERS,
    "K": NUMBERS,
    "NUMBER": NUMBERS,
    "VALUE": NUMBERS,
    "TRIALS": NUMBERS,
    "TIME": TIMES,
    "SIZE": SIZES,
    "URL": URLS,
    "STORAGE-URL": (*URLS, *FILES),
    "STUDY|FILE.csv": (*TEXTS, *SCORES),
    "NAME=LOW:HIGH[:log|:STEP]|NAME=A,B": PARAMS,
    "NAME:TARGET": TARGETS,
    "FILE": FILES,
    "FOLDER": FILES,
    "NAME|FILE|none": FILES,
    "best|NUMBER|BASELINE|FILE": (*FILES, *NUMBERS),
    "ADDRESS": ("", "nosuch.invalid", "256.1.1.1", "::1", "-", "\udce9", "a b", "x" * 5000, "127.0.0.1:80"),
}

GOOD: Mapping[str, tuple[str, ...]] = {  # what makes each command's other arguments good, and its run short
    "optimize": ("./toy.py:study", "--trials", "2", "--workers", "1"),
    "submit": ("./toy.py:study", "--trials", "2"),
    "worker": ("--drain", "--processes", "1"),
    "best": (STUDY,),
    "trial": (STUDY, "0"),
    "delete": (STUDY,),
    "stop": (STUDY,),
    "resume": (STUDY,),
    "sweep": ("./toy.py:study",),
    "compare": (STUDY,),
    "report": (STUDY, "-o", "report.html"),
    "importance": (STUDY,),
    "export": (STUDY, "-o", "trials.csv"),
    "train": ("./toy.py:study", "--config", "by-hand"),
    "show": ("./toy.py:study",),
    "data": ("check",),
    "dashboard": ("--port", "0"),
    "dashboard adduser": ("ada", "--password-stdin"),
    "dashboard deluser": ("ada",),
    "dashboard token create": ("night", "--scope", "write"),
    "dashboard token revoke": ("night",),
    "mcp": ("--allow-submit", "--budget", "5"),
    "init": ("fresh.py",),
    "adopt": ("sqlite:///theirs.db", "theirs", "--name", "another"),
}
FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (  # others than those, of commands that take more than one kind
    ("init", ("fresh.toml",)),
    ("show", ("./work.toml",)),
    ("submit", ("./work.toml", "--trials", "2")),
    ("compare", ("{things}/scores.csv", "--columns", "a,b", "--direction", "maximize")),
    ("compare", ("{things}/long.csv", "--columns", "a,b", "--direction", "maximize", "--long", "side,pair,score")),
)
_OF_DASHBOARD = {"adduser", "deluser", "users", "token"}  # which serve nothing
_LASTING = ("objective",)  # a fleet goes on, and says why its workers end, until somebody puts it right
ENVIRONMENT: Mapping[str, tuple[str, ...]] = {
    "HPO_STORAGE": URLS,
    "HPO_STORAGE_PASSWORD_FILE": FILES,
    "HPO_USERS": FILES,
    "HPO_DATA_DIR": FILES,
    "XDG_CACHE_HOME": FILES,
    "XDG_CONFIG_HOME": FILES,
    "KERAS_BACKEND": ("torch", "", "\udce9"),
    "HPO_LOG": TEXTS,
    "HPO_TRUSTED_PROXY": ("", "nosuch", "\udce9"),
    "HPO_ALLOWED_HOSTS": TEXTS,
    "HPO_BEHIND_TLS": ("maybe", "", "\udce9"),
    "HPO_DASHBOARD_PASSWORD_FILE": FILES,
    "HOME": ("", "/nosuch", "{things}/pipe"),
}
ASKING: Mapping[str, tuple[str, ...]] = {  # which command looks at a variable; the others: status
    "HPO_STORAGE_PASSWORD_FILE": ("status",),
    "HPO_USERS": ("dashboard", "users"),
    "XDG_CONFIG_HOME": ("dashboard", "users"),
    "HPO_DATA_DIR": ("data", "check"),
    "XDG_CACHE_HOME": ("data", "check"),
    "HOME": ("data", "check"),
    "HPO_LOG": ("worker", "--drain", "--processes", "1"),
    "HPO_TRUSTED_PROXY": ("dashboard", "--port", "0"),
    "HPO_ALLOWED_HOSTS": ("dashboard", "--port", "0"),
    "HPO_BEHIND_TLS": ("dashboard", "--port", "0"),
    "HPO_DASHBOARD_PASSWORD_FILE": ("dashboard", "--port", "0"),
    "KERAS_BACKEND": ("show", "./toy.py:study"),
}


_SCORES: Mapping[str, bytes] = {
    "scores.csv": b"a,b\n" + b"1.5,1\n2.5,2\n3.5,3\n" * 3,
    "long.csv": b"side,pair,score\n" + b"".join(b"a,%d,%d\nb,%d,1\n" % (n, n, n) for n in range(8)),
    "binary.csv": bytes(range(256)) * 10,
    "empty.csv": b"",
    "ragged.csv": b"a,b\n1\n1,2,3\n",
    "words.csv": b"a,b\nx,y\nnan,inf\n",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One command line."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def serves(self) -> bool:
        """Whether it may go on until it is interrupted, where nothing is wrong with it after all."""
        dashboard = self.arguments[:1] == ("dashboard",) and not _OF_DASHBOARD & set(self.arguments)
        waiting = self.arguments[-2:] == ("--workers", "0")  # for a fleet
        return dashboard or waiting or self.arguments[:1] == ("worker",)  # which waits for a database that is away

    def __str__(self) -> str:
        said = [f"{name}={value!r:.60}" for name, value in self.environment.items()]
        return " ".join([*said, "hpo", *(f"{word!r:.60}" for word in self.arguments)])


def things(folder: Path) -> Path:
    """What may be named in place of a file."""
    made = folder / "things"
    made.mkdir()
    (made / "folder").mkdir()
    for name in ("pipe", "pipe.csv", "pipe.keras", "pipe.toml"):
        os.mkfifo(made / name)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(made / "socket"))
    for name in ("folder.html", "folder.csv", "folder.toml"):
        (made / name).mkdir()
    for name, content in {**PROGRAMS, **_SCORES}.items():
        (made / name).write_bytes(content)
    (made / "loop").symlink_to("loop")
    (made / "binary").write_bytes(bytes(range(256)) * 100)
    (made / "half.json").write_text('{"x": ')
    (made / "deep.json").write_text("[" * 100_000)
    (made / "twins.json").write_text('{"x": 0.1, "x": 0.2}')
    (made / "digits.json").write_text('{"x": 1' + "0" * 5000 + "}")
    (made / "nan.json").write_text('{"x": NaN}')
    (made / "list.json").write_text('[null, 1, "x", {"y": 2}]')
    (made / "empty").write_text("")
    (made / "text.db").write_text("this is no database " * 100)
    (made / "plain").write_text("number = 7\n")
    return made


def cases(things: Path) -> Iterator[Case]:
    """Every command with each of its parameters wrong, one at a time; and every setting."""
    for path, parameters in _commands():
        for good in _good(" ".join(path), things):
            for parameter in parameters:
                for value in _values(parameter):
                    yield Case(arguments=(*path, *_with(good, parameter, _there(value, things))))
        for words in (("--nosuch",), ("-é",), ("one", "two", "three", "four"), ("--help=x",)):
            yield Case(arguments=(*path, *words))
    yield Case(arguments=("nosuch",))
    yield Case(arguments=("\udce9",))
    for name, values in ENVIRONMENT.items():
        for value in values:
            made = {name: _there(value, things)}
            arguments = ASKING.get(name, ("status",))
            if name == "HPO_STORAGE_PASSWORD_FILE":
                made["HPO_STORAGE"] = "postgresql://me@localhost:1/db"
            if name == "HPO_DASHBOARD_PASSWORD_FILE":
                made["HPO_DASHBOARD_USER"] = "ada"
            yield Case(arguments=arguments, environment=made)


def _good(command: str, things: Path) -> Iterator[tuple[str, ...]]:
    """The arguments of a command that are good, in each of its forms."""
    for form in (GOOD.get(command, ()), *(words for each, words in FORMS if each == command)):
        yield tuple(_there(word, things) for word in form)


def _there(value: str, things: Path) -> str:
    return value.replace("{things}", str(things))


def _commands() -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    import typer

    from hpo.cli.app import app

    def walk(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, (*path, name))
        if path:
            wanted = [each for each in command.params if each.name not in ("help", *_LASTING)]
            yield path, [each for each in wanted if not getattr(each, "is_flag", False)]

    yield from walk(typer.main.get_command(app), ())


def _values(parameter: Any) -> tuple[str, ...]:
    metavar = parameter.metavar or ""
    if metavar == "FILE" and parameter.name == "output":
        return OUTPUTS
    return BY_METAVAR.get(metavar, TEXTS)


def _with(good: tuple[str, ...], parameter: Any, value: str) -> tuple[str, ...]:
    """The good arguments with one of them replaced, or one option more."""
    words = list(good)
    if parameter.param_type_name == "argument":
        order = {"number": 1, **({"study": 1} if words[:1] and "://" in words[0] else {})}
        place = order.get(parameter.name, 0)
        if place < len(words) and not words[place].startswith("-"):
            words[place] = value
        else:
            words.insert(0, value)
        return tuple(words)
    option = parameter.opts[0]
    for there in parameter.opts:
        if there in words:
            place = words.index(there)
            del words[place : place + 2]
    return (*words, option, value)
