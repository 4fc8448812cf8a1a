"""Which errors of MongoDB say that it is down, and which are its answer."""

import pytest
from pymongo.errors import (
    AutoReconnect,
    DuplicateKeyError,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)

from chassis.documents import DatabaseDownError, is_database_outage


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("connection closed"),
        NetworkTimeout("timed out"),
        NotPrimaryError("not primary"),
        ServerSelectionTimeoutError("no servers found yet"),
        DatabaseDownError(1.0),
        OperationFailure("out of disk space", 14031),
        WriteConcernError("operation was interrupted", 11602),
        WriteConcernError("primary stepped down while waiting for replication", 189),
    ],
    ids=repr,
)
def test_a_server_that_is_away_or_leaves_is_down(error: PyMongoError) -> None:
    assert is_database_outage(error)


@pytest.mark.parametrize(
    "error", [DuplicateKeyError("E11000"), OperationFailure("unknown operator: $doe", 2), ValueError("x")], ids=repr
)
def test_an_answer_is_no_outage(error: Exception) -> None:
    assert not is_database_outage(error)
