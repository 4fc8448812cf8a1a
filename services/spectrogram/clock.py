"""Where a job's time goes, by stage."""

from time import perf_counter


class StageClock:
    """Charges the time since the last charge to a stage."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}
        self._since = perf_counter()

    def charge(self, stage: str) -> None:
        now = perf_counter()
        self.spent_s[stage] = self.spent_s.get(stage, 0.0) + now - self._since
        self._since = now
