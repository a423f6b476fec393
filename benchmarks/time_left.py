"""How well hpo foretells what a search still takes: a search that has ended is wound back, and asked at each moment.

    python -m benchmarks.time_left sqlite:///hpo.db cnn-wide

The database is copied, and nothing in it is changed. Told is, of the moments from a tenth of the trials on until 20
seconds before the end: how often what was said was within a factor of 1.5 of what it took, and how often the interval
held it. A search that was paused, or had other workers, is not what is asked about.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import and_, case, null, or_, select, update

import hpo.storage
from hpo.storage import Storage, schema
from hpo.storage.queries.status import snapshot
from hpo.storage.slots.slot import of_study

FACTOR = 1.5
_slot = schema.slots.c


def wind_back(storage: Storage, study: str, moment: float) -> None:
    """Leave of a study what there was at that moment, seconds since 1970, as if it were now."""
    later = or_(_slot.settled_at.is_(None), _slot.settled_at > moment)
    begun = and_(later, _slot.started_at <= moment)
    prior = and_(_slot.rung > 0, _slot.position == 0)  # its configuration is known from the beginning
    shift = time.time() - moment
    known = or_(begun, prior)
    with storage.write() as connection:
        connection.execute(
            update(schema.slots)
            .where(of_study(study), later)
            .values(
                state=case((begun, "leased"), (_slot.rung > 0, "waiting"), else_="open"),
                digest=case((known, _slot.digest), else_=null()),
                params=case((known, _slot.params), else_=null()),
                worker=case((begun, _slot.worker), else_=null()),
                started_at=case((begun, _slot.started_at + shift), else_=null()),
                lease_expires_at=case((begun, time.time() + 3600.0), else_=null()),
                outcome=null(),
                value=null(),
                settled_at=null(),
                promoted_at=null(),
            )
        )
        connection.execute(
            update(schema.slots).where(of_study(study), _slot.promoted_at > moment).values(promoted_at=null())
        )


def main() -> None:
    """Wind a search back, moment by moment."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("storage", help="sqlite:///FILE of a search that has ended")
    parser.add_argument("study")
    parser.add_argument("--workers", type=int, default=2, help="that it had (default 2)")
    asked = parser.parse_args()
    file = Path(asked.storage.removeprefix("sqlite:///"))
    if not file.is_file():
        parser.error(f"{asked.storage}: there is no such file; give sqlite:///FILE of a search that has ended")
    with hpo.storage.open(asked.storage).read() as connection:
        ended = sorted(
            connection.execute(
                select(_slot.settled_at).where(of_study(asked.study), _slot.started_at.is_not(None))
            ).scalars()
        )
    ratios, held = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for number, moment in enumerate(ended, start=1):
            left = ended[-1] - moment
            if number < len(ended) / 10 or left < 20:
                continue
            copy = Path(folder, f"{number}.db")
            shutil.copy(file, copy)
            storage = hpo.storage.open(f"sqlite:///{copy}")
            wind_back(storage, asked.study, moment)
            seen = snapshot(storage, asked.study, workers=asked.workers)
            if seen.eta_seconds is None or seen.eta_range is None:
                continue
            low, high = seen.eta_range
            ratios.append(seen.eta_seconds / left)
            held += low <= left <= high
            print(f"{number}/{len(ended)}: said {seen.eta_seconds:.0f} s ({low:.0f} to {high:.0f}), took {left:.0f} s")
    if not ratios:
        raise SystemExit("nothing was foretold: the search is too short, or none of its trials climbed")
    near = sum(1 / FACTOR <= ratio <= FACTOR for ratio in ratios)
    print(
        f"{asked.study}: {len(ratios)} moments, {near / len(ratios):.0%} within a factor of {FACTOR}, "
        f"{held / len(ratios):.0%} within the interval; said over taken {min(ratios):.2f} to {max(ratios):.2f}, "
        f"{statistics.median(ratios):.2f} in the median"
    )


if __name__ == "__main__":
    main()
