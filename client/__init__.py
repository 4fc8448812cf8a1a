"""The client of the public interface: `Client`, `AsyncClient`, and the operations and conversations they send."""

from . import batches, dead_letters, keys, recordings
from .clients import AsyncClient, Client
from .credentials import Credentials, kept_credentials
from .errors import ClientError, NotLoggedInError, NotReadyError, RefusedError, UnreachableError
from .live import LiveEvent
from .operations import Conversation, Operation
from .patience import Patience
from .uploading import Uploaded, UploadWish, uploading

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Conversation",
    "Credentials",
    "LiveEvent",
    "NotLoggedInError",
    "NotReadyError",
    "Operation",
    "Patience",
    "RefusedError",
    "UnreachableError",
    "UploadWish",
    "Uploaded",
    "batches",
    "dead_letters",
    "kept_credentials",
    "keys",
    "recordings",
    "uploading",
]
