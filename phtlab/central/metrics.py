"""Metrics for Prometheus: requests by route, waiting requests, and stored journeys and stops."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from phtlab.central.changes.bus import ChangeBus
from phtlab.central.db.database import Database
from phtlab.central.db.tables import JourneyRow, StopRow

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """The metrics of one central."""

    def __init__(self, changes: ChangeBus) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "phtlab_central_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "phtlab_central_request_seconds",
            "How long an answer took; a long poll counts its wait",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry_tokens = Counter(
            "phtlab_central_registry_tokens", "Registry tokens issued", registry=self.registry
        )
        self.removed = Counter(
            "phtlab_central_removed",
            "What retention removed",
            ("kind",),
            registry=self.registry,
        )
        waiting = Gauge(
            "phtlab_central_waiting", "Requests that wait for news now", registry=self.registry
        )
        waiting.set_function(lambda: float(changes.waiting))

    def watch(self, database: Database) -> None:
        """Count journeys and stops whenever the metrics are read."""
        self.registry.register(_Stored(database))

    def text(self) -> bytes:
        """All metrics, in Prometheus's text format."""
        return generate_latest(self.registry)


class _Stored(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("phtlab_central_journeys", "Journeys that central knows")
        yield GaugeMetricFamily("phtlab_central_stops", "Stops, by state", labels=("state",))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._database.read() as session:
            journeys = session.scalar(select(func.count()).select_from(JourneyRow)) or 0
            states = session.execute(
                select(StopRow.state, func.count()).group_by(StopRow.state)
            ).all()
        yield GaugeMetricFamily(
            "phtlab_central_journeys", "Journeys that central knows", value=journeys
        )
        stops = GaugeMetricFamily("phtlab_central_stops", "Stops, by state", labels=("state",))
        for state, number in states:
            stops.add_metric((state,), number)
        yield stops
