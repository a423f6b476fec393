"""The interface for programs, below `/api/v1`: JSON over HTTP, behind the same door as the pages.

`operations.py` declares what there is, once: requests are checked by it, `openapi.py` describes it, `serving.py`
answers by it. What an answer says is what the command of the same name prints with `--json`, from the same function.
Who asks and what they may do is settled before (`security/tokens.py`). `in_process.py` is the same without a network.
"""

from hpo.web.api.serving import register

__all__ = ["register"]
