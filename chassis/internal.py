"""Routes that only our own services may call."""

import hmac
from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler

from contracts.vocabulary import TOKEN_HEADER

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]


def own_services_only(token: str) -> Guard:
    """Return a guard that lets in who knows the token; sending none is answered as sending a wrong one is."""

    def check(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = connection.headers.get(TOKEN_HEADER, "")
        # As bytes, because `compare_digest` refuses letters beyond ASCII.
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise NotAuthorizedException("Only services of this installation are answered here.")

    return check
