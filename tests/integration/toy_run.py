"""`python toy_run.py URL OBJECTIVE [JSON]`: one run of the toy, as a process that tests can stop and kill.

Prints the progress it ends with as JSON; exits 130 where it was interrupted, 1 with one line on stderr on an error.
"""

import json
import sys
from dataclasses import asdict

import toy
from asking import asked

from hpo.errors import HpoError
from hpo.experiments.search_run import optimize
from hpo.storage.queries.status import Progress

_PRELOADED = "tensorflow" in sys.modules  # where it is no fresh process, it can tell nothing


def show(progress: Progress) -> None:
    print(json.dumps(asdict(progress)), flush=True)


def main() -> int:
    url, objective, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]) if len(sys.argv) > 3 else {}
    request = asked(
        **{
            "definition": f"{toy.FILE}:study",
            "objective": f"{toy.FILE}:{objective}",
            "storage": url,
            "trials": 8,
            "workers": 2,
            "sampler": "random",
            "seed": 1,
            **options,
        }
    )
    try:
        progress = optimize(request, show)
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    show(progress)
    assert _PRELOADED or "tensorflow" not in sys.modules
    return 130 if progress.ended == "interrupted" else 0


if __name__ == "__main__":
    sys.exit(main())
