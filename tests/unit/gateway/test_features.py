import pytest

from chassis.problems import ProblemError
from services.gateway.features import CONDITIONS_MAX, Order, conditions, feature_at, features_of, order

AGGREGATE = {"unit": "Hz", "mean": 2000.0, "std": 1.0, "p50": 1990.0, "frames": 12, "reason": None}


def test_single_values_and_statistics_are_features_and_lists_are_not() -> None:
    entries = [
        {"name": "spectral", "payload": {"centroid": AGGREGATE}},
        {
            "name": "tempo",
            "payload": {
                "bpm": {"value": 120.5, "unit": "BPM", "reason": None},
                "beats": {"values": [1.0, 2.0], "unit": "s", "reason": None},
                "confidence": {"value": None, "unit": "ratio", "reason": "no_onsets"},
            },
        },
        {"name": "quality", "payload": {"health": {"value": "green", "unit": "colour", "reason": None}}},
        {"name": "embedding", "payload": {"vector": {"values": [0.1], "unit": "1", "reason": None}}},
        {"name": "failed", "payload": None},
    ]

    assert features_of(entries) == {
        "spectral": {"centroid": {"mean": 2000.0, "std": 1.0, "p50": 1990.0}},
        "tempo": {"bpm": 120.5},
        "quality": {"health": "green"},
    }


@pytest.mark.parametrize(
    "payload",
    [
        {"$where": {"value": 1.0}},
        {"a.b": {"value": 1.0}},
        {"x": {"$gt": 1.0}},
        {"x": {"value": float("nan")}},
        {"x": {"value": float("inf")}},
        {"x": {"value": True}},
        {"x": {"value": "y" * 101}},
        {"x": {"value": [1.0]}},
        {"x": [1.0]},
        {"x": "word"},
    ],
)
def test_what_is_no_feature_of_ours_is_left_out(payload: dict[str, object]) -> None:
    assert features_of([{"name": "theirs", "payload": payload}]) == {}


def test_a_feature_is_read_by_its_name() -> None:
    features = {"spectral": {"centroid": {"mean": 2000.0}}, "tempo": {"bpm": 120}}

    assert feature_at(features, "spectral.centroid.mean") == 2000.0
    assert feature_at(features, "tempo.bpm") == 120
    assert feature_at(features, "tempo.bpm.mean") is None
    assert feature_at(features, "spectral.centroid") is None
    assert feature_at(features, "nothing.here") is None


@pytest.mark.parametrize(
    ("asked", "query"),
    [
        ("spectral.centroid.mean:2000..5000", {"features.spectral.centroid.mean": {"$gte": 2000.0, "$lte": 5000.0}}),
        ("tempo.bpm:..90", {"features.tempo.bpm": {"$lte": 90.0}}),
        ("loudness.rms:-20.5..", {"features.loudness.rms": {"$gte": -20.5}}),
        ("quality.clipped_share:1e-5..", {"features.quality.clipped_share": {"$gte": 1e-5}}),
        ("quality.health:green", {"features.quality.health": {"$in": ["green"]}}),
        ("pitch.note:C#4", {"features.pitch.note": {"$in": ["C#4"]}}),
        ("quality.dropouts:0", {"features.quality.dropouts": {"$in": ["0", 0.0]}}),
    ],
)
def test_a_condition_is_a_query(asked: str, query: dict[str, object]) -> None:
    [condition] = conditions([asked])

    assert condition.query == query


@pytest.mark.parametrize(
    "asked",
    [
        *("", "tempo", "tempo.bpm", "tempo.bpm:", "tempo.bpm:..", "tempo.bpm:a..b", "tempo.bpm:1..b", ":1..2"),
        *("tempo:1..2", "$where:1..2", "tempo.$gt:1..2", "a.b.c.d:1..2", "tempo..bpm:1..2", "Tempo.Bpm:1..2"),
        *("tempo.bpm:nan..nan", "tempo.bpm:1..inf", "tempo.bpm:" + "x" * 101),
    ],
)
def test_what_is_no_condition_is_refused(asked: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        conditions([asked])

    assert (refusal.value.status, refusal.value.code) == (400, "bad_filter")


def test_there_is_a_bound_on_conditions() -> None:
    with pytest.raises(ProblemError):
        conditions(["tempo.bpm:1..2"] * (CONDITIONS_MAX + 1))


def test_an_order_is_a_feature_the_lowest_or_the_highest_first() -> None:
    assert order(None) == Order("uploaded_at", descending=True)
    assert order("tempo.bpm") == Order("tempo.bpm", descending=False)
    assert order("-tempo.bpm").field == "features.tempo.bpm"
    assert order("-uploaded_at").field == "uploaded_at"


@pytest.mark.parametrize("asked", ["", "-", "tempo", "$natural", "--tempo.bpm", "vector"])
def test_what_is_no_order_is_refused(asked: str) -> None:
    with pytest.raises(ProblemError) as refusal:
        order(asked)

    assert refusal.value.code == "bad_filter"
