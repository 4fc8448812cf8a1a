"""Operations on batches."""

from collections.abc import Sequence
from typing import Any

from .models import Batch, BatchItemPage, BatchPage
from .operations import Operation, as_json, as_model, path_of


def create_batch(
    items: Sequence[str], *, name: str = "", project: str | None = None, priority: int | None = None
) -> Operation[Batch]:
    """Have these recordings worked on: ids of recordings, or `s3://` objects of the project's inbox."""
    wish = _wish(items, name, project, priority)
    return Operation("POST", path_of("batches"), as_model(Batch), json=wish, is_repeatable=False)


def plan_batch(
    items: Sequence[str], *, name: str = "", project: str | None = None, priority: int | None = None
) -> Operation[dict[str, Any]]:
    """Ask what such a batch would do, and cost."""
    wish = _wish(items, name, project, priority)
    return Operation("POST", path_of("batches"), as_json, {"dry_run": True}, wish)


def batches(cursor: str | None = None, **query: Any) -> Operation[BatchPage]:  # noqa: ANN401 (query values)
    """Ask for a page of the batches, the newest first."""
    return Operation("GET", path_of("batches"), as_model(BatchPage), {**query, "cursor": cursor})


def batch(batch_id: str) -> Operation[Batch]:
    """Ask how far a batch is."""
    return Operation("GET", path_of("batches", batch_id), as_model(Batch))


def batch_items(batch_id: str, cursor: str | None = None, **query: Any) -> Operation[BatchItemPage]:  # noqa: ANN401 (query values)
    """Ask for a page of the items of a batch; `status` narrows it."""
    path = path_of("batches", batch_id, "items")
    return Operation("GET", path, as_model(BatchItemPage), {**query, "cursor": cursor})


def retry_failed_items(batch_id: str) -> Operation[Batch]:
    """Have those items taken up again that failed."""
    return Operation("POST", path_of("batches", batch_id, "retry-failed"), as_model(Batch))


def cancel_batch(batch_id: str) -> Operation[Batch]:
    """Stop a batch."""
    return Operation("POST", path_of("batches", batch_id, "cancel"), as_model(Batch))


def _wish(items: Sequence[str], name: str, project: str | None, priority: int | None) -> dict[str, Any]:
    asked = [{"uri": item} if item.startswith("s3://") else {"recording_id": item} for item in items]
    optional = {"project": project, "priority": priority}
    return {"name": name, "items": asked, **{key: value for key, value in optional.items() if value is not None}}
