"""What people and programs are told of errors."""

from contracts.vocabulary import Fault

from .errors import DawnchorusError


def fault_of(error: DawnchorusError) -> Fault:
    """Return what people and programs are told of `error`."""
    return Fault(code=error.code, sentence=str(error), next_step=error.next_step)


def poison(attempts: int, error: Exception | None = None) -> Fault:
    """Return what is told of a recording at which so many attempts ended without a result, and of the last one."""
    last = f" The last one said: {error or repr(error)}" if error is not None else ""
    return Fault(
        code="poison",
        sentence=f"{attempts} attempts at this recording ended without a result.{last}",
        next_step="Tell the operators the trace id; once the cause is mended, ask for a retry.",
    )
