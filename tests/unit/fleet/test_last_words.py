"""Why a worker died is told by its own last words, and never by what its libraries say of themselves."""

import pytest

from hpo.fleet.supervisor.worker_process import last_words

ABSL = "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"
CPU = (
    "I0000 00:00:1795896081.554204    3510 cpu_feature_guard.cc:227] This TensorFlow binary is optimized to use"
    " available CPU instructions in performance-critical operations."
)
REBUILD = (
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with the appropriate"
    " compiler flags."
)
XLA = (
    "I0000 00:00:1795896112.486431    3780 device_compiler.h:208] Compiled cluster using XLA!  This line is logged at"
    " most once for the lifetime of the process."
)
RENDEZVOUS = (
    "W0000 00:00:1795896112.593208    3780 local_rendezvous.cc:412] Local rendezvous is aborting with status:"
    " INVALID_ARGUMENT: Matrix size-incompatible: In[0]: [2,3], In[1]: [2,3]"
)
AUTOGRAPH = "WARNING:tensorflow:AutoGraph could not transform <function f at 0x7f93563b84a0> and will run it as-is."
EARLIER = (  # of TensorFlow 2.16
    "2026-03-01 10:20:30.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is"
    " optimized to use available CPU instructions in performance-critical operations."
)
TENSORRT = "2026-03-01 10:20:31.123456: W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT Warning: none"
CUFFT = (  # an error by its letter, said at each import of some versions with CUDA
    "2026-03-01 10:20:30.123456: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:485] Unable to register"
    " cuFFT factory: Attempting to register factory for plugin cuFFT when one has already been registered"
)
BANNER = [ABSL, CPU, REBUILD, XLA, RENDEZVOUS, AUTOGRAPH, EARLIER, TENSORRT, CUFFT]


def test_the_last_words_are_the_line_that_says_most() -> None:
    assert last_words([]) == ""
    assert last_words(["first", "ImportError: no such library"]) == "ImportError: no such library"
    crash = ["hello", "Fatal Python error: Segmentation fault", '  File "a.py", line 3', "Extension modules: numpy"]
    assert last_words(crash) == "Fatal Python error: Segmentation fault"
    assert len(last_words(["x" * 10_000])) == 300


@pytest.mark.parametrize("line", BANNER)
def test_log_lines_of_libraries_are_not_the_reason_of_a_death(line: str) -> None:
    assert last_words([line]) == ""
    assert last_words(["ImportError: no such library", line]) == "ImportError: no such library"


@pytest.mark.parametrize(
    "line",
    [
        "F0000 00:00:1795896112.593208    3780 tensor.cc:1085] Check failed: dtype() == expected_dtype (1 vs. 3)",
        "E0000 00:00:1795896112.593208    3780 cuda_driver.cc:265] failed call to cuInit: CUDA_ERROR_NO_DEVICE",
        "2026-03-01 10:20:30.123456: E tensorflow/core/util/util.cc:1] out of something",
        "Information: I0000 is no log line here",
        "WARNING: the disk is nearly full",
        "RuntimeError: To enable the following instructions: rebuild",
    ],
)
def test_errors_and_lines_resembling_information_are_kept(line: str) -> None:
    assert last_words([line, *BANNER]) == line
