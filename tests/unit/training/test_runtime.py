"""What a training process sets, seen in a process of its own: it can be set only once."""

import subprocess
import sys


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_threads_are_set_and_nothing_is_printed() -> None:
    done = run(
        "from hpo.training import configure; configure(threads=1); configure(threads=1)\n"
        "import tensorflow as tf, pytest\n"
        "from hpo.errors import UsageError\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads(), float(tf.reduce_sum(tf.ones(3))))\n"
        "with pytest.raises(UsageError, match='comes too late'): configure(threads=2)\n"
        "with pytest.raises(UsageError, match='below 1'): configure(threads=0)\n"
    )
    assert done.stdout == "1 3.0\n"
    assert done.stderr == ""
