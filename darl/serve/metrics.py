"""Counters and histograms for Prometheus, by the names that users of text-embeddings-inference know.

Reference: Hugging Face, text-embeddings-inference, router/src/prometheus.rs and its metrics `te_*`. Counters
end in `_total`, as the Prometheus client for Python has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_LATEST
SECONDS = tuple(0.0005 * 1.6**power for power in range(26))
COUNTS = tuple(float(2**power) for power in range(13))
TOKENS = tuple(float(2**power) for power in range(18))


class Metrics:
    """Everything that is counted; each server has its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

        def seconds(name: str, what: str, labels: Iterable[str] = ()) -> Histogram:
            return Histogram(name, what, labels, registry=self.registry, buckets=SECONDS)

        def sizes(name: str, what: str, buckets: Iterable[float]) -> Histogram:
            return Histogram(name, what, registry=self.registry, buckets=tuple(buckets))

        def counter(name: str, what: str, labels: Iterable[str] = ()) -> Counter:
            return Counter(name, what, labels, registry=self.registry)

        route = ("route",)
        self.requests = counter("te_request_count", "Requests received.", route)
        self.successes = counter("te_request_success", "Requests answered.", route)
        self.failures = counter("te_request_failure", "Requests refused or failed.", ("route", "err"))
        self.duration = seconds("te_request_duration", "Seconds from request to answer.", route)
        self.tokenization_duration = seconds(
            "te_request_tokenization_duration", "Seconds to encode a request."
        )
        self.queue_duration = seconds("te_request_queue_duration", "Seconds a request waited.")
        self.inference_duration = seconds("te_request_inference_duration", "Seconds of a model call.")
        self.request_pairs = sizes("te_request_pairs", "Pairs of a request.", COUNTS)
        self.batch_requests = sizes("te_batch_next_requests", "Requests in a model call.", COUNTS)
        self.batch_size = sizes("te_batch_next_size", "Pairs in a model call.", COUNTS)
        self.batch_tokens = sizes("te_batch_next_tokens", "Tokens in a model call.", TOKENS)
        self.queue_size = Gauge("te_queue_size", "Pairs that wait.", registry=self.registry)
        self.pairs = counter("darl_pairs", "Pairs answered, from the cache or by the model.")
        self.cached_pairs = counter("darl_cached_pairs", "Pairs answered from the cache.")
        self.cache_bytes = Gauge("darl_cache_bytes", "Bytes that the cache holds.", registry=self.registry)
        self.texts = counter("darl_texts", "Texts to be read, by models that read query and item apart.")
        self.cached_texts = counter("darl_cached_texts", "Texts whose readings were kept.")
        self.readings_bytes = Gauge(
            "darl_readings_bytes", "Bytes that kept readings take.", registry=self.registry
        )
        self.captured = counter("darl_captured_pairs", "Out-of-distribution pairs that were kept.")
        self.model = Gauge("darl_model_info", "The served model.", ("sha",), registry=self.registry)

    def batch(self, requests: int, pairs: int, tokens: int, seconds: float) -> None:
        """A model call that ended well."""
        self.batch_requests.observe(requests)
        self.batch_size.observe(pairs)
        self.batch_tokens.observe(tokens)
        self.inference_duration.observe(seconds)

    def read(self, texts: int, kept: int) -> None:
        """Texts of a model call, and how many of them had been read before."""
        self.texts.inc(texts)
        self.cached_texts.inc(kept)

    def serves(self, digest: str) -> None:
        """Another model is served."""
        self.model.clear()
        self.model.labels(digest[:12]).set(1)

    def watch(self, families: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        """Gauges that are computed when they are asked for."""
        self.registry.register(_Watched(families))

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class _Watched(Collector):
    def __init__(self, families: Callable[[], Iterable[GaugeMetricFamily]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """What is to be told now."""
        return self._families()


def drift_families(told: Mapping[str, Mapping[str, Mapping[str, object]]]) -> list[GaugeMetricFamily]:
    """Gauges of what drift.py tells, by slice and measure."""
    families = []
    for name, key, what in (
        ("darl_drift_psi", "psi", "Population stability index of traffic against the training reference."),
        ("darl_drift_psi_by_chance", "psi_by_chance", "What that index is by chance alone, about."),
        ("darl_drift_p_value", "p_value", "How probable such a difference is by chance alone."),
        ("darl_drift_alarm", "alarm", "1 where the index is large and that is not by chance."),
        ("darl_drift_weight", "weight", "How much traffic the index is of; older counts less."),
    ):
        family = GaugeMetricFamily(name, what, labels=("slice", "measure"))
        for part, measures in told.items():
            for measure, about in measures.items():
                value = about.get(key)
                if isinstance(value, float | bool):
                    family.add_metric((part, measure), float(value))
        families.append(family)
    return families
