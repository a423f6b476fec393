"""What a worker that died said last, without what its libraries say of themselves meanwhile."""

import re
from collections.abc import Iterable

__all__ = ["last_words"]

_LONGEST = 300  # characters

# Lines that tell what a C++ library does or would have liked, in the formats of absl and glog, of TensorFlow before
# them, and of Python's logging as absl sets it up. Errors (E) and fatal ones (F) are none, but for what CUDA's plugins
# call one each time that TensorFlow is imported.
_CHATTER = re.compile(
    r"[IW]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+:\d+\]"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] \S+:\d+\]"
    r"|.*\bUnable to register cu\w+ (plugin )?factory"
    r"|WARNING: All log messages before absl::InitializeLog\(\)"
    r"|To enable the following instructions: "
    r"|(INFO|WARNING):(absl|tensorflow):"
)


def last_words(lines: Iterable[str]) -> str:
    """The line that says most: faulthandler's first, as stacks and a list of modules follow it; else the last one.

    "" where there is none but a library's information and warnings.
    """
    said = [line for line in lines if not _CHATTER.match(line)]
    fatal = [line for line in said if line.startswith("Fatal Python error")]
    return (fatal or said[-1:] or [""])[0][:_LONGEST]
