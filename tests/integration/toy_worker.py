"""`python toy_worker.py URL STUDY OBJECTIVE [STEP]`: one worker's loop on short leases, dead at the first STEP."""

import os
import sys

import toy

from hpo import storage
from hpo.fleet.run_limits import Limits
from hpo.fleet.worker.presence import Step, Watcher
from hpo.fleet.worker.work_loop import Server
from hpo.storage.slots.slot import Slot

url, study, objective, *dead_at = sys.argv[1:]


class Mortal(Watcher):
    def step(self, step: Step, slot: Slot) -> None:
        if step in dead_at:
            os._exit(9)


Server(storage.open(url), study, getattr(toy, objective), limits=Limits(lease_seconds=1.5), watcher=Mortal()).run()
