import httpx

from chassis.serve import KEEP_ALIVE_S


def test_a_service_keeps_idle_connections_longer_than_its_clients() -> None:
    kept_by_clients_s = httpx.Limits().keepalive_expiry

    assert kept_by_clients_s is not None
    assert 2 * kept_by_clients_s < KEEP_ALIVE_S
