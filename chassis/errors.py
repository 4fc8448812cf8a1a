"""The errors every service shares.

    DawnchorusError
    ├── UnprocessableError          no retry helps: ends as `failed` with a code, a sentence and a next step
    │   ├── ContradictedEventError  an event says of a recording what its document does not
    │   └── (each domain's own: audio.errors)
    ├── NotPreparedError            what a service works with could not be made
    └── TransientError              may go away: the retry ladder tries again
        ├── BrokerUnavailableError  the broker did not confirm a message
        │   └── MessageRefusedError     it answered that it does not take it
        ├── ConsumerGoneError       the broker sends this process nothing any more
        ├── ObjectStoreError        S3 did not do what was asked of it
        │   ├── ObjectMissingError
        │   └── ObjectRefusedError      it answered that it will not
        ├── OpenBreakerError        not even asked: it is down (chassis.documents, chassis.s3, chassis.broker)
        ├── FullError               somewhere there is no room; whatever was under way is not to blame
        │   ├── StorageFullError        for new work, or in the bucket
        │   └── ScratchFullError        on the disk that this process works on
        ├── ObjectCorruptError      the object is not what was uploaded
        ├── JobCrashedError         the child process died
        ├── JobTimeoutError         the child process took too long
        ├── LeaseHeldError          another worker has this task
        ├── SlotsTakenError         no slot here for this kind of work
        ├── RecordingDeletedError   nobody can see the result any more
        └── WorkCancelledError      nobody wants the result any more

An error takes facts and writes the sentence, so that it survives pickling between processes.
"""

import errno
from math import ceil
from typing import ClassVar

_FULL = (errno.ENOSPC, errno.EDQUOT)
# As libraries say it that give no number.
_SAID = ("no space left on device", "disk quota exceeded")


class DawnchorusError(Exception):
    """Base of everything raised on purpose."""

    code: ClassVar[str] = "internal"
    next_step: ClassVar[str] = "Try again later; if it stays, tell the operators the trace id."


class UnprocessableError(DawnchorusError):
    """No retry helps."""

    code: ClassVar[str] = "unprocessable"


class ContradictedEventError(UnprocessableError):
    """An event says of a recording what its document does not; events come of documents, so it is none of ours."""

    code: ClassVar[str] = "contradicted_event"
    next_step: ClassVar[str] = "Find out who published it, and discard it."

    def __init__(self, recording_id: str, field: str) -> None:
        super().__init__(recording_id, field)

    def __str__(self) -> str:
        return f"No recording {self.args[0]} is here of which the {self.args[1]} is what the event says."


class NotPreparedError(DawnchorusError):
    """The bucket, the indexes or the queues could not be made."""

    code: ClassVar[str] = "not_prepared"
    next_step: ClassVar[str] = "Look at that server, and at what the service may do there; then run `prepare` again."

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(what, reason)

    def __str__(self) -> str:
        what, reason = self.args
        return f"The {what} could not be prepared: {reason}."


class TransientError(DawnchorusError):
    """May go away by itself.

    is_outage  a server that we need is down: whatever was under way is not to blame
    """

    code: ClassVar[str] = "temporarily_unavailable"
    is_outage: ClassVar[bool] = False


class BrokerUnavailableError(TransientError):
    """The broker did not confirm a message."""

    code: ClassVar[str] = "broker_unavailable"
    is_outage: ClassVar[bool] = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The broker did not confirm a message: {self.args[0]}."


class MessageRefusedError(BrokerUnavailableError):
    """The broker answered that no queue takes the message, or that a full one does not."""

    is_outage: ClassVar[bool] = False


class ConsumerGoneError(TransientError):
    """The broker sends this process nothing any more, although they are connected."""

    code: ClassVar[str] = "consumer_gone"

    def __init__(self, waited_s: float) -> None:
        super().__init__(waited_s)

    def __str__(self) -> str:
        return f"For {self.args[0]:g} s RabbitMQ has had no consumer of this process, although they are connected."


class ObjectStoreError(TransientError):
    """S3 did not do what was asked of it."""

    code: ClassVar[str] = "object_store_unavailable"
    is_outage: ClassVar[bool] = True

    def __init__(self, operation: str, key: str, reason: str) -> None:
        super().__init__(operation, key, reason)

    def __str__(self) -> str:
        operation, key, reason = self.args
        return f"{operation} of the object {key} failed: {reason}."


class ObjectMissingError(ObjectStoreError):
    """There is no object of that key."""

    code: ClassVar[str] = "object_missing"
    is_outage: ClassVar[bool] = False


class ObjectRefusedError(ObjectStoreError):
    """S3 answered that it will not do what was asked of it."""

    is_outage: ClassVar[bool] = False


class OpenBreakerError(TransientError):
    """Most calls failed lately, so this one was not made."""

    is_outage: ClassVar[bool] = True

    def __init__(self, wait_s: float) -> None:
        # Beside this, it is one of the errors that its server causes, which are built from other facts.
        Exception.__init__(self, wait_s)

    def __str__(self) -> str:
        return f"A server is down ({self.code}): nothing is sent to it for {self.args[0]:.1f} s."

    @property
    def retry_after_s(self) -> int:
        """Return after how many seconds it may be worth asking again."""
        wait_s: float = self.args[0]
        return max(1, ceil(wait_s))


class FullError(TransientError):
    """Somewhere there is no room; whatever was under way is not to blame."""

    is_outage: ClassVar[bool] = True


class StorageFullError(FullError):
    """There is no room for new work, or in the bucket."""

    code: ClassVar[str] = "storage_full"
    next_step: ClassVar[str] = "Send it again after the time in Retry-After; the operators have to make room."

    def __init__(self, what: str) -> None:
        super().__init__(what)

    def __str__(self) -> str:
        return f"There is no room for new work: the {self.args[0].replace('_', ' ')} is full."


class ScratchFullError(FullError):
    """There is no room on the disk that this process works on."""

    code: ClassVar[str] = "scratch_full"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The disk that this process works on is full: {self.args[0]}."


class ObjectCorruptError(TransientError):
    """The object is not the bytes that were uploaded."""

    code: ClassVar[str] = "object_corrupt"

    def __init__(self, key: str) -> None:
        super().__init__(key)

    def __str__(self) -> str:
        return f"The object {self.args[0]} is not the bytes that were uploaded."


class LeaseHeldError(TransientError):
    """Another worker has this task; its lease must run out first."""

    code: ClassVar[str] = "lease_held"

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)

    def __str__(self) -> str:
        return f"Another worker has the task {self.args[0]}."


class JobCrashedError(TransientError):
    """The child process died; the recording, the decoder or the machine is at fault."""

    code: ClassVar[str] = "job_crashed"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The process that worked on this recording died: {self.args[0]}."


class JobTimeoutError(TransientError):
    """The child process was stopped because it took too long."""

    code: ClassVar[str] = "job_timeout"

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)

    def __str__(self) -> str:
        return f"The work on this recording took longer than {self.args[0]:.0f} s."


class SlotsTakenError(TransientError):
    """No slot here is free for this kind of work; those of another lane may be, in another process."""

    code: ClassVar[str] = "slots_taken"

    def __init__(self, other_lane: str | None = None) -> None:
        super().__init__(other_lane)
        self.other_lane = other_lane

    def __str__(self) -> str:
        return "No slot is free for another recording of this length."


class RecordingDeletedError(TransientError):
    """The recording was deleted while somebody worked on it; restored, it is announced again."""

    code: ClassVar[str] = "recording_deleted"

    def __init__(self, recording_id: str) -> None:
        super().__init__(recording_id)

    def __str__(self) -> str:
        return f"The recording {self.args[0]} was deleted."


class WorkCancelledError(TransientError):
    """Somebody cancelled the work on a recording; asked for again, it is announced again."""

    code: ClassVar[str] = "cancelled"

    def __init__(self, recording_id: str) -> None:
        super().__init__(recording_id)

    def __str__(self) -> str:
        return f"The work on the recording {self.args[0]} was cancelled."


def says_outage(error: BaseException) -> bool:
    """Tell whether an error of ours says that a server is down."""
    return isinstance(error, TransientError) and error.is_outage


def says_full(error: BaseException) -> bool:
    """Tell whether an error says that a disk, or a quota, is full."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(each in str(error).lower() for each in _SAID)
