"""What a reader may set of an extractor: its JSON Schema, and the extractor with what was asked for."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from services.analysis.errors import InvalidExtractorParametersError

from .protocol import Extractor

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


def parameters_schema(extractor: Extractor) -> dict[str, Any]:
    """Return the JSON Schema of the extractor's parameters; those that cannot be set are `const` and `readOnly`.

    What is the extractor's own comes before what it shares with others.
    """
    schema = _adapter(extractor).json_schema()
    schema["title"] = extractor.name
    own = type(extractor).__annotations__
    schema["properties"] = dict(sorted(schema["properties"].items(), key=lambda named: named[0] not in own))
    for name, value in _fixed(extractor).items():
        schema["properties"][name] |= {"const": value, "readOnly": True}
    return schema


def configured(extractor: Extractor, parameters: Mapping[str, Any]) -> Extractor:
    """Return the extractor with `parameters` in place of its defaults.

    Raises `InvalidExtractorParametersError` for names it does not have, and for values out of bounds.
    """
    if not parameters:
        return extractor
    try:
        made: Extractor = _adapter(extractor).validate_python(dict(parameters))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise InvalidExtractorParametersError(extractor.name, faults) from error
    return made


def _adapter(extractor: Extractor) -> TypeAdapter[Any]:
    # Pydantic makes a subclass that checks what it is given; the plain dataclass, which jobs use, costs nothing.
    return TypeAdapter(dataclass(type(extractor), config=_STRICT, frozen=True))


def _fixed(extractor: Any) -> dict[str, Any]:  # noqa: ANN401 (a dataclass, which Extractor does not say)
    return {field.name: getattr(extractor, field.name) for field in fields(extractor) if not field.init}
