"""What the metrics of this process say."""

from prometheus_client import REGISTRY


def figure(name: str, **labels: str) -> float:
    """Return the value of one series; 0 where there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0


def series(prefix: str) -> int:
    """Return how many series there are whose names begin like that."""
    return sum(
        1
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name.startswith(f"dawnchorus_{prefix}")
    )
