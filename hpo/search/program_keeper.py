"""A process between a worker and the program it runs for a trial, so that nothing of the program outlives the worker.

It runs as a script, with nothing of hpo, and starts the program in a session of its own. A byte on its standard input
has it end the program, SIGTERM first and SIGKILL after a while. Where that is closed, which a worker's death does, it
ends it with SIGKILL at once: the worker's GPU is free for the next program from then on. Whatever the program started
ends with it, wherever that has put itself: on Linux orphans of it become children of this process. The first line on
standard output says how the program ended: `exit CODE`, `signal NUMBER`, or `error NUMBER`, the system's, where it
could not be started.

Arguments: seconds between the signals, the descriptors for the program's standard output and error, and its own words.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
_RESTORED = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")  # what Python ignores and other programs expect
_CANNOT = 127  # exit code


def main() -> None:
    """Run the program to its end, and say how that came."""
    grace, out, err, command = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # a worker's threads take no signals
    status = os.dup(1)  # which the program does not inherit
    bell, rung = os.pipe()
    for end in (bell, rung):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(rung)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    for end in (out, err):
        os.set_inheritable(end, False)  # under these numbers
    keeper = os.getpid()
    program = os.fork()
    if not program:
        _become(command, out, err, status, keeper)
    os.close(out)
    os.close(err)
    _wait(program, bell, grace)
    _kill(program, signal.SIGKILL)  # while the program is a zombie its group's number is nobody else's
    _, code = os.waitpid(program, 0)
    _end_orphans()
    how = f"signal {os.WTERMSIG(code)}" if os.WIFSIGNALED(code) else f"exit {os.WEXITSTATUS(code)}"
    os.write(status, f"{how}\n".encode())


def _become(command: list[str], out: int, err: int, status: int, keeper: int) -> None:
    """Be the program."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(_CANNOT)
        for name in _RESTORED:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for standard, descriptor in enumerate((nothing, out, err)):
            os.dup2(descriptor, standard)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(status, f"error {error.errno}\n".encode())
    os._exit(_CANNOT)


def _wait(program: int, bell: int, grace: float) -> None:
    """Until the program has ended: by itself, or because it is told to. It stays a zombie."""
    watched, deadline = [0, bell], None
    while os.waitid(os.P_PID, program, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(watched, [], [], left)
        if bell in ready:
            os.read(bell, 4096)
        if 0 in ready:
            if os.read(0, 1):
                deadline = time.monotonic() + grace
                _kill(program, signal.SIGTERM)
                continue
            watched.remove(0)  # nobody is there any more
            deadline = time.monotonic()
        if deadline is not None and time.monotonic() >= deadline:
            _kill(program, signal.SIGKILL)
            deadline = time.monotonic() + 1


def _kill(group: int, number: int) -> None:
    """Send a signal to all of a group, where it has begun."""
    try:
        os.killpg(group, number)
    except OSError:  # not yet a group
        with suppress(OSError):
            os.kill(group, number)


def _end_orphans() -> None:
    """End what the program left running, in whatever session or group."""
    while True:
        for child in _children():
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    """Of this process; none where the system does not tell."""
    found = []
    with suppress(FileNotFoundError), os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                with suppress(OSError, IndexError), open(f"/proc/{entry.name}/stat", "rb") as file:  # noqa: PTH123
                    if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                        found.append(int(entry.name))
    return found


def _prctl(option: int, value: int) -> None:
    """Ask it of the kernel; only Linux has it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


if __name__ == "__main__":
    main()
