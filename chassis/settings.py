"""Settings every service reads from the environment."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .breaker import BreakerRules


class ServiceSettings(BaseSettings):
    """Where the servers are, and the bounds on waiting for them.

    Own settings carry the prefix `DAWNCHORUS_`; those of the servers have the names other programs use, too.
    """

    model_config = SettingsConfigDict(env_prefix="DAWNCHORUS_", extra="ignore", populate_by_name=True)

    host: str = "127.0.0.1"
    port: int = 8000
    log_level: str = "INFO"
    drain_timeout_s: float = 30.0
    drain_notice_s: float = 1.0
    head_timeout_s: float = 20.0

    amqp_url: SecretStr = Field(validation_alias="AMQP_URL")
    mongodb_url: SecretStr = Field(validation_alias="MONGODB_URL")
    s3_endpoint_url: str | None = Field(default=None, validation_alias="S3_ENDPOINT_URL")
    s3_access_key_id: SecretStr = Field(validation_alias="S3_ACCESS_KEY_ID")
    s3_secret_access_key: SecretStr = Field(validation_alias="S3_SECRET_ACCESS_KEY")
    s3_bucket: str = Field(default="dawnchorus", validation_alias="S3_BUCKET")
    s3_region: str = Field(default="us-east-1", validation_alias="S3_REGION")

    publish_timeout_s: float = 5.0
    mongodb_timeout_s: float = 5.0
    s3_timeout_s: float = 10.0
    outbox_poll_s: float = 1.0
    prepare_timeout_s: float = 300.0
    sample_s: float = 15.0

    breaker_window_s: float = 10.0
    breaker_calls_min: int = 4
    breaker_failure_ratio: float = 0.5
    breaker_open_s: float = 1.0
    breaker_open_max_s: float = 10.0
    ping_idle_s: float = 5.0
    ping_timeout_s: float = 2.0

    @property
    def breaker_rules(self) -> BreakerRules:
        """Return when a breaker opens, and for how long."""
        return BreakerRules(
            window_s=self.breaker_window_s,
            calls_min=self.breaker_calls_min,
            failure_ratio=self.breaker_failure_ratio,
            open_s=self.breaker_open_s,
            open_max_s=self.breaker_open_max_s,
        )
