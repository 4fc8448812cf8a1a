"""When work that was announced and does not end is announced anew, and when it counts as stuck."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.interventions import Interventions
from contracts.vocabulary import State
from contracts.watching import Watch

from .settings import ServiceSettings

PAUSE_MAX = timedelta(days=1)


class WatchSettings(ServiceSettings):
    """How long announced work may be silent."""

    reannounce_after_s: float = 900
    stuck_after_s: float = 3600
    reconcile_every_s: float = 30


class Standing(StrEnum):
    """Where announced work stands: `silent` is what somebody may have lost."""

    ENDED = "ended"
    UNDER_WAY = "under_way"
    WAITING = "waiting"
    SILENT = "silent"


@dataclass(frozen=True)
class TaskFacts:
    """What the document of one task says."""

    state: State
    announced_at: datetime
    completed_at: datetime | None
    lease_until: datetime | None


@dataclass(frozen=True)
class LaneFront:
    """How far a lane of a service has come.

    announced_at  when the newest work was announced that anybody began; None: nobody ever did
    is_busy       somebody works on something of it now
    """

    announced_at: datetime | None
    is_busy: bool

    def is_behind(self, announced_at: datetime) -> bool:
        """Tell whether work that was announced then waits for its turn: queues are first in, first out."""
        return self.is_busy and (self.announced_at is None or self.announced_at <= announced_at)


def standing_of(
    task: TaskFacts | None, done: Interventions, announced_at: datetime, front: LaneFront, watch: Watch, now: datetime
) -> Standing:
    """Return where one task stands that was first announced at `announced_at`; None: nobody began it."""
    state = State.QUEUED if task is None else task.state
    first, completed_at = (announced_at, None) if task is None else (task.announced_at, task.completed_at)
    if done.shown(state, first, completed_at).is_terminal:
        return Standing.ENDED
    if task is not None and task.lease_until is not None and task.lease_until > now:
        return Standing.UNDER_WAY
    return Standing.WAITING if front.is_behind(watch.announced_at) else Standing.SILENT


def together(standings: list[Standing]) -> Standing:
    """Return where several tasks stand that one event announces: what one lost is told though another one waits."""
    for each in (Standing.UNDER_WAY, Standing.SILENT, Standing.WAITING):
        if each in standings:
            return each
    return Standing.ENDED


@dataclass(frozen=True)
class Look:
    """What looking at announced work came to: the watch from now on, and whether the work is announced anew."""

    watch: Watch | None
    announces: bool = False


@dataclass(frozen=True)
class WatchRules:
    """How long work may be silent: twice as long after each time that it was announced anew, up to a day."""

    reannounce_after: timedelta
    stuck_after: timedelta

    @classmethod
    def of(cls, settings: WatchSettings) -> "WatchRules":
        """Return the rules that an operator set."""
        return cls(timedelta(seconds=settings.reannounce_after_s), timedelta(seconds=settings.stuck_after_s))

    def look(self, watch: Watch, standing: Standing, now: datetime) -> Look:
        """Return what becomes of a watch over work that stands so."""
        if standing is Standing.ENDED:
            return Look(None)
        if standing is not Standing.SILENT:
            return Look(watch.model_copy(update={"looked_at": now, "stuck_since": None}))
        announces = now >= watch.announced_at + self._pause(watch.repeats)
        since = watch.repeated_since or (now if announces else None)
        is_stuck = since is not None and now >= since + self.stuck_after
        seen = {
            "looked_at": now,
            "announced_at": now if announces else watch.announced_at,
            "repeats": watch.repeats + int(announces),
            "repeated_since": since,
            "stuck_since": (watch.stuck_since or now) if is_stuck else None,
        }
        return Look(watch.model_copy(update=seen), announces)

    def _pause(self, repeats: int) -> timedelta:
        # Shifted by no more than a day asks for: it grows for as long as a document is left alone.
        return max(self.reannounce_after, min(PAUSE_MAX, self.reannounce_after * (1 << min(repeats, 20))))
