"""What a document that announces work says of when the work was announced, until all of it has ended."""

from datetime import datetime
from typing import Any

from pydantic import Field

from .vocabulary import ContractModel


class Watch(ContractModel):
    """Work that was announced and is not known to have ended; once it is, the document has no watch."""

    looked_at: datetime = Field(description="When its writer saw last that it has not ended.")
    announced_at: datetime = Field(description="When it was announced last.")
    repeats: int = Field(0, description="How often it was announced anew.")
    repeated_since: datetime | None = Field(None, description="When it was announced anew for the first time.")
    stuck_since: datetime | None = Field(None, description="Since when announcing it anew is known not to help.")

    @classmethod
    def begun(cls, at: datetime) -> "Watch":
        """Return the watch over work that is announced now."""
        return cls(looked_at=at, announced_at=at)

    def document(self) -> dict[str, Any]:
        """Return what is stored: indexes hold what is there, and nothing of what is not."""
        return self.model_dump(exclude_none=True)
