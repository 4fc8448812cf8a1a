"""What the analysis service publishes of its extractors is what readers see."""

import pytest

from chassis.documents import Database
from contracts.documents import EXTRACTORS as COLLECTION
from services.analysis.catalogue import publish_extractors
from services.analysis.extractors import EXTRACTORS, offered
from services.gateway.extractors import list_extractors
from services.gateway.reads import Reads

pytestmark = pytest.mark.servers


async def test_every_extractor_is_listed_with_what_can_be_asked_of_it(database: Database) -> None:
    await publish_extractors(EXTRACTORS, database, by_default=("levels",))

    listed = {each.name: each for each in (await list_extractors.fn(Reads(database))).available}

    assert list(listed) == sorted(EXTRACTORS)
    for name, extractor in EXTRACTORS.items():
        assert (listed[name].version, listed[name].description) == (extractor.version, extractor.description)
        assert listed[name].cost_per_audio_s > 0
        assert listed[name].device == "cpu"
        assert listed[name].licence is None
        assert listed[name].parameters["properties"].keys() == extractor.parameters.keys()
    assert [name for name, each in listed.items() if each.by_default] == ["levels"]


async def test_while_spectra_are_computed_on_a_gpu_what_reads_them_says_so(database: Database) -> None:
    await publish_extractors(EXTRACTORS, database, by_default=(), on_gpu=True)

    listed = {each.name: each.device for each in (await list_extractors.fn(Reads(database))).available}

    assert {listed[name] for name in ("spectral", "mel", "mfcc", "chroma", "key", "tempo", "embedding")} == {"gpu"}
    assert {listed[name] for name in ("loudness", "pitch", "levels", "ecoacoustic")} == {"cpu"}


async def test_publishing_again_changes_nothing_but_forgets_what_is_gone(database: Database) -> None:
    await database[COLLECTION].insert_one({"_id": "gone"})

    for _ in range(2):
        await publish_extractors(EXTRACTORS, database, by_default=())

    assert {each.id for each in await Reads(database).extractors()} == set(EXTRACTORS)


async def test_an_extractor_that_was_opted_for_is_listed_with_its_licence_until_it_is_not_offered_any_more(
    database: Database,
) -> None:
    await publish_extractors(offered(["species"]), database, by_default=())
    [listed] = [each for each in (await list_extractors.fn(Reads(database))).available if each.name == "species"]
    await publish_extractors(offered([]), database, by_default=())

    assert listed.licence is not None
    assert listed.licence.startswith("CC-BY-NC-SA-4.0")
    assert {each.id for each in await Reads(database).extractors()} == set(EXTRACTORS)


async def test_before_the_analysis_service_ever_ran_the_list_is_empty(database: Database) -> None:
    assert (await list_extractors.fn(Reads(database))).available == []
