"""What the gateway asks ingest to fetch; over HTTP, between services only."""

from .rendering import RenderParameters
from .vocabulary import ContractModel, Lane


class ImportOrder(ContractModel):
    """An object of the project's inbox, or an address outside, that is to become a recording."""

    project_id: str
    uri: str
    name: str
    lane: Lane
    batch_id: str | None = None
    rendering: RenderParameters | None = None


class Imported(ContractModel):
    """The recording that came of it; `duplicate`: the same bytes were here before."""

    id: str
    duplicate: bool
