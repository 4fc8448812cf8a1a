"""What an operator can set for ingest."""

from pydantic import Field, IPvAnyNetwork, SecretStr

from chassis.sweeping import SweepSettings
from chassis.watching import WatchSettings

from .retention import KeptDays
from .room import RoomSettings


class IngestSettings(WatchSettings, SweepSettings, RoomSettings):
    """Bounds on what is accepted."""

    internal_token: SecretStr
    max_upload_bytes: int = 100_000_000
    max_duration_s: float = 90_000
    max_samples: int = 20_000_000_000
    probe_slots: int = 2
    probe_timeout_s: float = 30
    probe_cpu_s: float = 2
    probe_memory_bytes: int = 2_000_000_000
    job_confinement: bool = True
    s3_public_endpoint_url: str | None = Field(default=None, validation_alias="S3_PUBLIC_ENDPOINT_URL")
    max_parted_upload_bytes: int = 10_000_000_000
    parted_upload_s: float = 604_800
    idempotency_s: float = 86_400
    retention_s: float = 2_592_000
    recordings_kept_days: KeptDays = Field(default_factory=dict)
    inbox_prefix: str = Field(default="inbox/", pattern=r"^([A-Za-z0-9._-]+/)+$")
    fetch_hosts: tuple[str, ...] = ()
    fetch_timeout_s: float = 50
    outward_http: bool = False
    outward_networks: tuple[IPvAnyNetwork, ...] = ()
