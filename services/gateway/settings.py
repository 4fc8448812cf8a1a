"""What an operator can set for the gateway."""

from pydantic import SecretStr

from chassis.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Where ingest is, and how live events and the search are served."""

    ingest_url: str = "http://127.0.0.1:8001"
    spectrogram_url: str = "http://127.0.0.1:8002"
    internal_token: SecretStr
    max_upload_bytes: int = 100_000_000
    ingest_timeout_s: float = 60
    drawing_timeout_s: float = 30
    heartbeat_s: float = 15
    listener_backlog: int = 1000
    search_folder: str | None = None
    search_poll_s: float = 30
    long_from_s: float = 600
