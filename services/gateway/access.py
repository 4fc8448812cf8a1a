"""Authentication: every route below /v1 knows its caller."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from .keys import KeyRing


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Read `Authorization: Bearer dc_<id>_<secret>` and make its owner the request's user; answer 401 without one."""
    scheme, _, key = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key:
        raise NotAuthorizedException("Send an API key: Authorization: Bearer dc_….")
    key_ring: KeyRing = connection.app.state.key_ring
    caller = await key_ring.caller(key.strip())
    if caller is None:
        raise NotAuthorizedException("This API key is not known here.")
    connection.scope["user"] = caller
