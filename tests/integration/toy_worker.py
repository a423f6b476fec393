"""`python toy_worker.py URL STUDY OBJECTIVE [STEP]`: one worker's loop on short leases, dead at the first STEP."""

import os
import sys

import toy

from hpo.service import storage
from hpo.service.slots.slot import Slot
from hpo.service.workers.limits import Limits
from hpo.service.workers.serve import Step, serve

url, study, objective, *dead_at = sys.argv[1:]


def on_step(step: Step, slot: Slot) -> None:
    if step in dead_at:
        os._exit(9)


serve(storage.open(url), study, getattr(toy, objective), limits=Limits(lease_seconds=1.5), on_step=on_step)
