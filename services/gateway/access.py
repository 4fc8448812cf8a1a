"""Authentication: every route but the schema knows its caller."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from .keys import KeyRing

PUBLIC_PATHS = ["^/schema"]


class ApiKeyAuthentication(AbstractAuthenticationMiddleware):
    """Reads `Authorization: Bearer dc_<id>_<secret>`."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        """Return the caller, or answer 401."""
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise NotAuthorizedException("Send an API key: Authorization: Bearer dc_….")
        keys: KeyRing = connection.app.state.key_ring
        caller = await keys.caller(key.strip())
        if caller is None:
            raise NotAuthorizedException("This API key is not known here.")
        return AuthenticationResult(user=caller, auth=None)
