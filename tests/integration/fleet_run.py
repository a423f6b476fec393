"""`python fleet_run.py URL JSON`: a supervisor and its workers on the toy's study, as a process of its own."""

import json
import sys

import toy

from hpo.errors import HpoError
from hpo.service.optimize.request import Request
from hpo.service.optimize.run import optimize


def main() -> int:
    url, options = sys.argv[1], json.loads(sys.argv[2])
    request = Request(**{"definition": f"{toy.FILE}:study", "storage": url, **options})
    try:
        progress = optimize(request)
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(progress)
    return 130 if progress.ended == "interrupted" else 0


if __name__ == "__main__":
    sys.exit(main())
