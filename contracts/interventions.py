"""What a reader may do to work that is under way or over: cancel it, or have what failed tried again."""

from dataclasses import dataclass
from datetime import datetime

from .vocabulary import ContractModel, State

# Where a retry finds something to do; of `partial` work only what failed is done again.
RETRYABLE = (State.FAILED, State.CANCELLED, State.PARTIAL)


@dataclass(frozen=True)
class Interventions:
    """When work on a recording was cancelled last, and when what had failed was asked for again; None: never."""

    cancelled_at: datetime | None = None
    retried_at: datetime | None = None

    def cancels(self, announced_at: datetime) -> bool:
        """Tell whether open work that was announced then is not wanted any more."""
        if self.cancelled_at is None or self.cancelled_at < announced_at:
            return False
        return self.retried_at is None or self.retried_at < self.cancelled_at

    def reopens(self, state: State, completed_at: datetime | None) -> bool:
        """Tell whether work that ended then, in that state, is to be done again."""
        if self.retried_at is None or completed_at is None or state not in RETRYABLE:
            return False
        return completed_at <= self.retried_at

    def shown(self, state: State, announced_at: datetime, completed_at: datetime | None) -> State:
        """Return where work stands for its readers, before any worker has come to see of these."""
        reopened = self.reopens(state, completed_at)
        if state.is_terminal and not reopened:
            return state
        if self.cancels(announced_at):
            return State.CANCELLED
        return State.QUEUED if reopened else state


class Selection(ContractModel):
    """Which recordings are meant, between services; those of other projects are not there."""

    project_ids: tuple[str, ...]
    recording_ids: tuple[str, ...]
