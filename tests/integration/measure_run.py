"""`python measure_run.py URL [JSON]`: measure jobs of `small`, as a process that tests can kill.

JSON: the options of `small.job` of each job, in order. Prints how it ended.
"""

import json
import sys

import small

from hpo import storage
from hpo.experiments.measure import Limits, measure, study

PLAN = study(small.study, f"{small.FILE}:study", kind="pairs", space="line", fidelity="full", name="small-pairs-full")

if __name__ == "__main__":
    jobs = [small.job(**options) for options in json.loads(sys.argv[2])]
    opened = storage.prepare(sys.argv[1])
    print(measure(opened, PLAN, jobs, Limits(workers=1)).ended)
