"""`/metrics`: how the studies and the fleet are doing, for Prometheus. Everything is read anew for each scrape."""

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hpo.service import studies
from hpo.service.hosts.roster import Roster
from hpo.service.storage import Storage
from hpo.service.studies import StudyRecord, glances
from hpo.service.studies.glances import Tally
from hpo.service.studies.slots import Slots

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

__all__ = ["Fleet", "register"]


def register(app: Flask, storage: Storage) -> None:
    """Add the route; 503 where the database does not answer, so that Prometheus sees the target as down."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Fleet(storage))

    def metrics() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    app.add_url_rule("/metrics", "metrics", metrics)


class Fleet(Collector):
    """All that is measured, read from the storage whenever it is asked for. Raises StorageError then."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def describe(self) -> "Iterator[Metric]":
        """Nothing is known before the storage is read, and nothing else is registered beside this."""
        return iter(())

    def collect(self) -> "Iterator[Metric]":
        """Every family of metrics, by the clock of the database."""
        records = studies.list_all(self._storage)
        tallies = glances.tallies(self._storage)
        yield InfoMetricFamily("hpo", "The program that serves this.", value={"version": version("hpo-service")})
        yield from _work(records, tallies)
        yield self._best(records, tallies)
        yield from self._workers()

    def _best(self, records: list[StudyRecord], tallies: Mapping[str, Tally]) -> "Metric":
        labels = ["study", "metric", "direction"]
        best = GaugeMetricFamily("hpo_best_value", "Best value of a search, over its complete trials.", labels=labels)
        slots = Slots(self._storage)
        for record in records:
            if record.kind == "search" and tallies.get(record.name, Tally()).complete:
                leader = slots.best(record.name, record.direction)
                if leader is not None and leader.value is not None:
                    best.add_metric(_texts(record.name, record.metric, record.direction), leader.value)
        return best

    def _workers(self) -> "Iterator[Metric]":
        present = Roster(self._storage).present()
        alive = GaugeMetricFamily(
            "hpo_workers", "Workers that are alive, by host and GPU; no GPU: on cores.", labels=["host", "gpu"]
        )
        for (host, gpu), number in sorted(Counter((w.host, w.gpu or "") for w in present if w.alive).items()):
            alive.add_metric(_texts(host, gpu), number)
        yield alive
        yield GaugeMetricFamily(
            "hpo_workers_silent",
            "Workers that never signed off and have not been heard of for longer than their lease.",
            value=sum(1 for worker in present if not worker.alive),
        )
        refused = GaugeMetricFamily(
            "hpo_workers_refusing", "Workers that are alive and cannot serve a study.", labels=["study"]
        )
        for study, number in sorted(Counter(name for w in present if w.alive for name in w.refuses).items()):
            refused.add_metric(_texts(study), number)
        yield refused


def _work(records: list[StudyRecord], tallies: Mapping[str, Tally]) -> "Iterator[Metric]":
    slots = GaugeMetricFamily(
        "hpo_slots",
        "Slots of a study: complete, pruned and failed are settled, running are leased, open wait for a worker.",
        labels=["study", "kind", "outcome"],
    )
    stopped = GaugeMetricFamily("hpo_study_stopped", "1 where the study is stopped.", labels=["study"])
    claim = GaugeMetricFamily(
        "hpo_oldest_claim_seconds", "Seconds since the oldest claim that is still held was made.", labels=["study"]
    )
    idle = GaugeMetricFamily(
        "hpo_last_settled_seconds", "Seconds since a slot of the study was settled last.", labels=["study"]
    )
    for record in records:
        tally = tallies.get(record.name, Tally())
        for outcome in ("complete", "pruned", "failed", "running", "open"):
            slots.add_metric(_texts(record.name, record.kind, outcome), getattr(tally, outcome))
        stopped.add_metric(_texts(record.name), record.stopped_at is not None)
        if tally.oldest_claim_seconds is not None:
            claim.add_metric(_texts(record.name), max(0.0, tally.oldest_claim_seconds))
        if tally.idle_seconds is not None:
            idle.add_metric(_texts(record.name), max(0.0, tally.idle_seconds))
    yield from (slots, stopped, claim, idle)


def _texts(*labels: str) -> list[str]:
    """Labels as UTF-8 can say them: half of a surrogate pair, which SQLite may hold, cannot be said."""
    return [label.encode(errors="replace").decode() for label in labels]
