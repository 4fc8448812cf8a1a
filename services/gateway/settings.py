"""What an operator can set for the gateway."""

from typing import Self

from pydantic import Field, IPvAnyNetwork, SecretStr, model_validator

from chassis.watching import WatchSettings

from .limits import RateClass


class GatewaySettings(WatchSettings):
    """Where ingest is, and how live events and the search are served."""

    ingest_url: str = "http://127.0.0.1:8001"
    spectrogram_url: str = "http://127.0.0.1:8002"
    internal_token: SecretStr
    max_upload_bytes: int = 100_000_000
    ingest_timeout_s: float = 60
    drawing_timeout_s: float = 30
    heartbeat_s: float = 15
    listener_backlog: int = 1000
    listener_stall_s: float = 30
    listener_lifetime_s: float = 3600
    history_days: float = 90
    replay_max: int = 10_000
    webhook_timeout_s: float = 10
    webhook_slots: int = 16
    webhook_delays_s: tuple[float, ...] = (5, 30, 120, 600, 3600, 10_800, 21_600, 43_200)
    webhook_disable_after_s: float = 259_200
    outward_http: bool = False
    outward_networks: tuple[IPvAnyNetwork, ...] = ()
    reads_per_minute: int = 6000
    writes_per_minute: int = 600
    uploads_per_minute: int = 1200
    searches_per_minute: int = 600
    streams_per_minute: int = 600
    uploads_at_once: int = 64
    streams_at_once: int = 1000
    max_json_bytes: int = 1_000_000
    sender_silent_s: float = 30
    sender_bytes_per_s_min: float = 1000
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    oidc_roles_claim: str = "dawnchorus"
    oidc_roles: dict[str, tuple[str, ...]] | None = None
    oidc_keys_max_age_s: float = 3600
    oidc_timeout_s: float = 5
    inbox_prefix: str = Field(default="inbox/", pattern=r"^([A-Za-z0-9._-]+/)+$")
    fetch_hosts: tuple[str, ...] = ()
    batch_slots: int = Field(default=8, ge=1)
    batch_poll_s: float = 1
    rabbitmq_management_url: SecretStr | None = None
    health_timeout_s: float = 2
    replays_per_minute: int = 300
    dead_letters_kept_days: float = 30
    tasks_kept_days: float = 7
    search_folder: str | None = None
    search_poll_s: float = 30
    long_from_s: float = 600

    @property
    def quotas(self) -> dict[RateClass, int]:
        """Return how many requests of each class a caller has in a minute; 0: as many as they like."""
        return {
            RateClass.READ: self.reads_per_minute,
            RateClass.WRITE: self.writes_per_minute,
            RateClass.UPLOAD: self.uploads_per_minute,
            RateClass.SEARCH: self.searches_per_minute,
            RateClass.STREAM: self.streams_per_minute,
        }

    @property
    def at_once(self) -> dict[RateClass, int]:
        """Return how many requests of a class a caller may have under way on one replica; 0: as many as they like."""
        return {RateClass.UPLOAD: self.uploads_at_once, RateClass.STREAM: self.streams_at_once}

    @model_validator(mode="after")
    def _with_audience(self) -> Self:
        # Without one, a token that somebody got for any other program would open this one.
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("DAWNCHORUS_OIDC_ISSUER and DAWNCHORUS_OIDC_AUDIENCE go together")
        return self
