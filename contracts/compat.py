"""Is a changed schema still the same contract? Readers of the old one must be able to read the new one's events."""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

# Loosening one of these lets a value through that an old reader may refuse.
_BOUNDS = (
    *("enum", "const", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
)


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return a sentence per change that breaks a reader or a writer of `old`; empty when there is none."""
    return list(_object_changes("", _resolved(old, old), _resolved(new, new), old, new))


def _object_changes(path: str, old: Schema, new: Schema, old_root: Schema, new_root: Schema) -> Iterator[str]:
    yield from _value_changes(path or "the event", old, new)
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    for name, field in old_fields.items():
        where = f"{path}.{name}".lstrip(".")
        if name not in new_fields:
            yield f"{where} was removed"
            continue
        yield from _object_changes(
            where, _resolved(field, old_root), _resolved(new_fields[name], new_root), old_root, new_root
        )
    for name in set(new.get("required", ())) - set(old.get("required", ())):
        yield f"{path}.{name} became required".lstrip(".")
    for name in set(old.get("required", ())) - set(new.get("required", ())):
        yield f"{path}.{name} is no longer always there".lstrip(".")
    if "items" in old and "items" in new:
        yield from _object_changes(
            f"{path}[]", _resolved(old["items"], old_root), _resolved(new["items"], new_root), old_root, new_root
        )
    for option, twin in _same_options(old, new):
        yield from _object_changes(path, _resolved(option, old_root), _resolved(twin, new_root), old_root, new_root)


def _value_changes(path: str, old: Schema, new: Schema) -> Iterator[str]:
    if _types(old) != _types(new):
        yield f"{path} changed its type from {sorted(_types(old))} to {sorted(_types(new))}"
    for bound in _BOUNDS:
        if old.get(bound) != new.get(bound):
            yield f"{path} changed its {bound} from {old.get(bound)!r} to {new.get(bound)!r}"


def _same_options(old: Schema, new: Schema) -> Iterator[tuple[Schema, Schema]]:
    options = {frozenset(_types(option)): option for option in new.get("anyOf", ())}
    for option in old.get("anyOf", ()):
        if (twin := options.get(frozenset(_types(option)))) is not None:
            yield option, twin


def _types(schema: Schema) -> set[str]:
    if "anyOf" in schema:
        return {name for option in schema["anyOf"] for name in _types(option)}
    return {str(schema["$ref"])} if "$ref" in schema else {str(schema.get("type", "any"))}


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    resolved: Schema = root["$defs"][str(reference).rsplit("/", 1)[-1]]
    return resolved
