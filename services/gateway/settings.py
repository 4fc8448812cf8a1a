"""What an operator can set for the gateway."""

from typing import Self

from pydantic import IPvAnyNetwork, SecretStr, model_validator

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
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks_url: str | None = None
    oidc_roles_claim: str = "dawnchorus"
    oidc_roles: dict[str, tuple[str, ...]] | None = None
    oidc_keys_max_age_s: float = 3600
    oidc_timeout_s: float = 5
    search_folder: str | None = None
    search_poll_s: float = 30
    long_from_s: float = 600

    @model_validator(mode="after")
    def _with_audience(self) -> Self:
        # Without one, a token that somebody got for any other program would open this one.
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("DAWNCHORUS_OIDC_ISSUER and DAWNCHORUS_OIDC_AUDIENCE go together")
        return self
