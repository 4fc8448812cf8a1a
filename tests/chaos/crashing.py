"""Fail points."""


def crash_at_armed_points(value: str) -> None:
    raise NotImplementedError(value)
