from typing import Any

import pytest
from litestar import Litestar, Router, get

from services.gateway.access import READ, UndeclaredRouteError, check_declarations
from services.gateway.app import create_app
from services.gateway.settings import GatewaySettings


@get("/open", operation_id="getOpen", needs=READ)
async def declared() -> None:
    """Say what it needs."""


@get("/unguarded", operation_id="getUnguarded")
async def unguarded() -> None:
    """Say nothing of what it needs."""


@get("/unnamed", needs=READ)
async def unnamed() -> None:
    """Leave its name to the framework."""


# From its third version on Litestar wants parameters and dependencies marked as such.
@pytest.mark.filterwarnings("ignore::litestar.exceptions.LitestarDeprecationWarning")
def test_every_route_of_the_gateway_says_what_it_needs() -> None:
    settings = GatewaySettings(
        amqp_url="", mongodb_url="", s3_access_key_id="", s3_secret_access_key="", internal_token=""
    )

    assert create_app(settings).name == "gateway"


@pytest.mark.parametrize("route", [unguarded, unnamed])
def test_a_route_that_does_not_stops_the_gateway_from_starting(route: Any) -> None:
    app = Litestar([Router("/v1", route_handlers=[declared, route])])

    with pytest.raises(UndeclaredRouteError, match=route.handler_name):
        check_declarations(app.routes, "/v1")


def test_routes_beside_the_interface_are_not_asked() -> None:
    app = Litestar([Router("/v1", route_handlers=[declared]), unguarded])

    check_declarations(app.routes, "/v1")
