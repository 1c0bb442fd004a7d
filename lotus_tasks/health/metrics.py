"""The system's state as Prometheus metrics, made of the status document at each scrape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
"""Prometheus' text form, which every Prometheus reads."""


class StatusCollector(Collector):
    """One scrape's figures. ``ended``: rows of the query ended_last_hour; either may be empty, and its figures are left out."""

    def __init__(self, status: Mapping[str, Any], ended: Sequence[Mapping[str, Any]]) -> None:
        self._status = status
        self._ended = ended

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every metric that docs/operations.md lists."""
        status = self._status
        yield _gauge("up", "1 while LOTUS is ok or degraded.", int(status.get("overall") in ("ok", "degraded")))
        queues = status.get("queues", ())
        yield _by("queue", "queue_depth", "Messages waiting.", ((one["name"], one["depth"]) for one in queues))
        yield _by(
            "queue",
            "queue_oldest_unclaimed_seconds",
            "Age of the oldest due command that nobody has claimed.",
            ((one["name"], one["oldest_s"]) for one in queues),
        )
        yield _by("queue", "queue_workers", "Living workers.", ((one["name"], one["consumers"]) for one in queues))
        yield _by(
            "queue",
            "queue_saturated",
            "1 while something waits and every slot is at work.",
            ((one["name"], int(one["saturated"])) for one in queues),
        )
        for figure, meaning in _ENDED.items():
            rows = ((row["status"], row[figure]) for row in self._ended)
            yield _by("status", f"ended_last_hour_{figure}", meaning, rows)
        restarts = ((one["name"], one["restarts"]) for one in status.get("processes", ()))
        yield _by("process", "process_restarts", "Starts after the first, since the supervisor began.", restarts)
        yield _gauge("beat_last_tick_seconds", "Time since beat's last sweep.", status.get("beat", {}).get("last_tick_s"))
        yield _gauge("memory_index_lag", "Memories that wait for the vector index.", status.get("memory", {}).get("index_lag"))


_ENDED: Final = {
    "commands": "Commands that ended within the last hour.",
    "attempts": "The attempts that they took.",
    "takeovers": "How often a dead worker's lease on them was taken over.",
}


def render(status: Mapping[str, Any], ended: Sequence[Mapping[str, Any]]) -> bytes:
    """The figures in CONTENT_TYPE."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StatusCollector(status, ended))
    return generate_latest(registry)


def _gauge(name: str, meaning: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"lotus_{name}", meaning)
    if value is not None:
        family.add_metric([], value)
    return family


def _by(label: str, name: str, meaning: str, values: Iterable[tuple[str, float | None]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"lotus_{name}", meaning, labels=[label])
    for key, value in values:
        if value is not None:
            family.add_metric([key], value)
    return family
