"""Operations on API keys."""

from collections.abc import Mapping, Sequence

from .models import Key, KeyList
from .operations import Operation, as_model, as_nothing, path_of


def keys() -> Operation[KeyList]:
    """Ask for the keys that open one's projects."""
    return Operation("GET", path_of("keys"), as_model(KeyList))


def create_key(name: str, roles: Mapping[str, str], scopes: Sequence[str] = ()) -> Operation[Key]:
    """Make a key; `roles` by project."""
    projects = [{"project": project, "role": role} for project, role in roles.items()]
    wish = {"name": name, "projects": projects, **({"scopes": [*scopes]} if scopes else {})}
    return Operation("POST", path_of("keys"), as_model(Key), json=wish, is_repeatable=False)


def revoke_key(key_id: str) -> Operation[None]:
    """Make a key good for nothing."""
    return Operation("DELETE", path_of("keys", key_id), as_nothing)
