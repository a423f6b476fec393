"""`/metrics`: how the studies and the fleet are doing, for Prometheus. Everything is read anew for each scrape."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, get_args

from flask import Flask, Response, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hpo.storage import Storage
from hpo.storage.queries import live_queries
from hpo.storage.queries.live_queries import Ages
from hpo.storage.queries.status import State, StudyStatus, all_statuses
from hpo.storage.worker_registry import Roster

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
        """Every family of metrics."""
        yield InfoMetricFamily("hpo", "The program that serves this.", value={"version": version("hpo-service")})
        yield from _work(all_statuses(self._storage))
        yield from _ages(live_queries.ages(self._storage))
        yield from self._workers()

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


def _work(statuses: Iterable[StudyStatus]) -> "Iterator[Metric]":
    slots = GaugeMetricFamily(
        "hpo_slots",
        "Slots of a study: complete, pruned and failed are settled, running are leased, open wait for a worker.",
        labels=["study", "kind", "outcome"],
    )
    state = GaugeMetricFamily("hpo_study_state", "1 for the state a study is in, else 0.", labels=["study", "state"])
    best = GaugeMetricFamily(
        "hpo_best_value",
        "Best value of a search, over what is complete at its highest fidelity, a mean of what was trained again.",
        labels=["study", "metric", "direction"],
    )
    rungs = GaugeMetricFamily(
        "hpo_rung_slots",
        "Slots of a rung of a search that climbs: settled, and all of it.",
        labels=["study", "rung", "count"],
    )
    for status in statuses:
        for name, rung in status.named_rungs:
            rungs.add_metric(_texts(status.study, name, "settled"), rung.settled)
            rungs.add_metric(_texts(status.study, name, "target"), rung.target)
        for outcome in ("complete", "pruned", "failed", "running", "open"):
            slots.add_metric(_texts(status.study, status.kind, outcome), getattr(status, outcome))
        for one in get_args(State):
            state.add_metric(_texts(status.study, one), status.state == one)
        if status.best is not None:
            best.add_metric(_texts(status.study, status.metric, status.direction), status.best.value)
    yield from (slots, rungs, state, best)


def _ages(ages: Mapping[str, Ages]) -> "Iterator[Metric]":
    claim = GaugeMetricFamily(
        "hpo_oldest_claim_seconds", "Seconds since the oldest claim that is still held was made.", labels=["study"]
    )
    idle = GaugeMetricFamily(
        "hpo_last_settled_seconds", "Seconds since a slot of the study was settled last.", labels=["study"]
    )
    for study, its in ages.items():
        if its.oldest_claim_seconds is not None:
            claim.add_metric(_texts(study), its.oldest_claim_seconds)
        if its.idle_seconds is not None:
            idle.add_metric(_texts(study), its.idle_seconds)
    yield from (claim, idle)


def _texts(*labels: str) -> list[str]:
    """Labels as UTF-8 can say them: half of a surrogate pair, which SQLite may hold, cannot be said."""
    return [label.encode(errors="replace").decode() for label in labels]
