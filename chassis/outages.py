"""What of all that fails is the fault of a server that is down."""

from .documents import is_database_outage
from .errors import FullError, says_outage

MAX_OUTAGES = 20


def is_outage(error: BaseException) -> bool:
    """Tell whether a server that we need is down: whoever met with that is not to blame."""
    return is_database_outage(error) or says_outage(error)


def is_spared(error: BaseException, outages: int) -> bool:
    """Tell whether an attempt that ended like this does not count, after so many that did not."""
    # An object that S3 fails to give for ever must end, too; what is full is so for everybody.
    return isinstance(error, FullError) or (is_outage(error) and outages < MAX_OUTAGES)
