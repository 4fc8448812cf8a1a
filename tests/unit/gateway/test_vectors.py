"""The nearest vectors are those that a plain product finds, of the caller's projects and of one version only."""

from collections.abc import Iterator

import numpy as np
import pytest

from contracts.documents import EMBEDDING_DIMENSIONS
from services.analysis.log_mel import DIMENSIONS
from services.gateway.vectors import Embedded, Floats, MappedVectors, VectorQuery

COUNT = 3000


@pytest.fixture
def index() -> Iterator[MappedVectors]:
    """An empty index."""
    made = MappedVectors()
    yield made
    made.close()


def test_the_analysis_makes_vectors_as_long_as_the_search_takes() -> None:
    assert DIMENSIONS == EMBEDDING_DIMENSIONS


async def test_the_nearest_are_those_that_a_plain_product_finds(index: MappedVectors) -> None:
    vectors = directions(COUNT)
    await index.put([embedded(f"r{row}", vector) for row, vector in enumerate(vectors)])

    for row in (0, 1023, 1024, COUNT - 1):
        found = await index.nearest(query(vectors[row], limit=10))

        expected = np.argsort(-(vectors @ vectors[row]))[:10]
        assert [each.recording_id for each in found] == [f"r{each}" for each in expected]
        assert found[0].similarity == pytest.approx(1, abs=1e-6)
        assert [each.similarity for each in found] == sorted((each.similarity for each in found), reverse=True)


async def test_only_projects_that_were_named_and_vectors_of_one_version_are_found(index: MappedVectors) -> None:
    [vector] = directions(1)
    await index.put(
        [
            embedded("mine", vector),
            embedded("lab", vector, project_id="lab"),
            embedded("theirs", vector, project_id="music"),
            embedded("old", vector, version="0"),
        ]
    )

    found = await index.nearest(query(vector, limit=10, project_ids=("field", "lab", "unheard of")))

    assert [each.recording_id for each in found] == ["lab", "mine"]
    assert await index.nearest(query(vector, limit=10, project_ids=("unheard of",))) == []
    assert await index.nearest(query(vector, limit=10, project_ids=())) == []


async def test_a_vector_that_comes_again_takes_the_place_of_the_first(index: MappedVectors) -> None:
    first, second = directions(2)
    await index.put([embedded("one", first), embedded("two", second)])

    await index.put([embedded("one", -second, project_id="lab")])

    [found] = await index.nearest(query(second, limit=10, project_ids=("lab",)))
    assert (found.recording_id, found.similarity) == ("one", pytest.approx(-1, abs=1e-6))
    assert len(await index.nearest(query(second, limit=10, project_ids=("lab", "field")))) == 2


async def test_a_recording_without_a_vector_is_found_no_more_and_the_others_are(index: MappedVectors) -> None:
    vectors = directions(5)
    await index.put([embedded(f"r{row}", vector) for row, vector in enumerate(vectors)])

    await index.put([embedded(name, None) for name in ("r0", "r4", "r4", "never")])

    for row in (1, 2, 3):
        found = await index.nearest(query(vectors[row], limit=10))
        assert found[0].recording_id == f"r{row}"
        assert {each.recording_id for each in found} == {"r1", "r2", "r3"}


async def test_an_empty_index_finds_nothing(index: MappedVectors) -> None:
    assert await index.nearest(query(directions(1)[0], limit=10)) == []


async def test_as_near_recordings_are_told_in_the_order_of_their_ids(index: MappedVectors) -> None:
    [vector] = directions(1)
    await index.put([embedded(name, vector) for name in ("c", "a", "b")])

    assert [each.recording_id for each in await index.nearest(query(vector, limit=3))] == ["a", "b", "c"]


def directions(count: int) -> Floats:
    made = np.random.default_rng(7).standard_normal((count, EMBEDDING_DIMENSIONS)).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True))


def embedded(name: str, vector: Floats | None, *, project_id: str = "field", version: str = "1") -> Embedded:
    return Embedded(name, project_id, version, None if vector is None else vector.astype("<f4").tobytes())


def query(vector: Floats, *, limit: int, project_ids: tuple[str, ...] = ("field",)) -> VectorQuery:
    return VectorQuery(vector, "1", project_ids, limit)
