"""What is asked of Prometheus again and again: rates and percentiles over the interval that a panel shows."""


def per_second(metric: str, by: str, where: str = "") -> str:
    """Return the rate of a counter, summed by labels."""
    return f"{_sum(by)} (rate({metric}{where}[$__rate_interval]))"


def per_minute(metric: str, by: str, where: str = "") -> str:
    """Return how much a counter grows in a minute, summed by labels."""
    return f"60 * {per_second(metric, by, where)}"


def percentile(share: float, metric: str, by: str, where: str = "") -> str:
    """Return a percentile of a histogram, by labels."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, {per_second(f'{metric}_bucket', labels, where)})"


def or_zero(expression: str) -> str:
    """Return an expression that is 0 where nothing of the kind has happened yet."""
    return f"{expression} or vector(0)"


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"
