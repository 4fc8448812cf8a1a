"""Authentication and the rule of access: every route below /v1 knows its caller, and says what it needs of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.routes import BaseRoute, HTTPRoute, WebSocketRoute

from chassis.problems import ProblemError
from contracts.vocabulary import Role, Scope

from .callers import Callers
from .keys import Caller, too_little
from .limits import RateClass
from .metering import count


@dataclass(frozen=True)
class Needs:
    """What a route needs of its caller.

    role       in the project that the route is about; None: it is about no project
    operators  whoever operates the system may do it, too, in every project and beside all of them
    """

    role: Role | None
    scope: Scope
    rate: RateClass
    operators: bool = False


READ = Needs(Role.READER, Scope.READ, RateClass.READ)
SEARCH = Needs(Role.READER, Scope.READ, RateClass.SEARCH)
STREAM = Needs(Role.READER, Scope.READ, RateClass.STREAM)
WRITE = Needs(Role.WRITER, Scope.WRITE, RateClass.WRITE)
UPLOAD = Needs(Role.WRITER, Scope.WRITE, RateClass.UPLOAD)
MANAGE = Needs(Role.OWNER, Scope.MANAGE, RateClass.WRITE)
# Not about a project there is: what everyone may know, a new project, and what only operators may do.
KNOWN = Needs(None, Scope.READ, RateClass.READ)
FOUND = Needs(None, Scope.MANAGE, RateClass.WRITE)
OPERATE = Needs(None, Scope.OPERATE, RateClass.WRITE)
OBSERVE = Needs(None, Scope.OPERATE, RateClass.READ)
# About what went wrong in a project, or outside of any.
INSPECT = Needs(Role.OWNER, Scope.MANAGE, RateClass.READ, operators=True)
SETTLE = Needs(Role.OWNER, Scope.MANAGE, RateClass.WRITE, operators=True)


class UndeclaredRouteError(Exception):
    """A route does not say what it needs of its caller, or what its operation is called."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__(tuple(names))

    def __str__(self) -> str:
        return f"These routes declare no `needs=` or no `operation_id=`: {', '.join(self.args[0])}."


async def authenticated(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Make whoever `Authorization: Bearer …` names the request's user, held to what the route needs.

    Answers 401 without a key or token that is good, and 403 where its owner may do such a thing nowhere.
    """
    caller = await _caller(connection, handler)
    # Only Litestar's own answer to OPTIONS declares nothing.
    needs: Needs = handler.opt.get("needs", KNOWN)
    state = connection.app.state
    await count(connection.scope, state.rate_limits, state.slots, caller.id, needs.rate)
    if needs.operators and caller.operates:
        connection.scope["user"] = caller
        return
    if needs.scope not in caller.scopes:
        raise ProblemError(
            403,
            "forbidden",
            f"This key is not for this: it lacks the scope {needs.scope}.",
            next_step="Use a key that has it; GET /v1/capabilities says what a key may do.",
        )
    connection.scope["user"] = caller if needs.role is None else _held_to(needs.role, caller)


def check_declarations(routes: Iterable[BaseRoute], prefix: str) -> None:
    """Raise `UndeclaredRouteError` unless each route below `prefix` says what it needs and what it is called."""
    handlers = [each for route in routes if route.path.startswith(prefix) for each in _handlers(route)]
    undeclared = [str(each) for each in handlers if not _is_declared(each)]
    if undeclared:
        raise UndeclaredRouteError(sorted(undeclared))


async def _caller(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> Caller:
    ticket = connection.query_params.get("ticket")
    if ticket is not None and handler.opt.get("takes_ticket"):
        redeemed: Caller = await connection.app.state.tickets.redeem(ticket)
        return redeemed
    scheme, _, credential = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential:
        raise NotAuthorizedException("Send an API key: Authorization: Bearer dc_….")
    callers: Callers = connection.app.state.callers
    return await callers.caller(credential.strip())


def _held_to(role: Role, caller: Caller) -> Caller:
    held = replace(caller, needs=role)
    if not held.project_ids:
        raise too_little(role)
    return held


def _handlers(route: BaseRoute) -> Iterator[BaseRouteHandler]:
    if isinstance(route, HTTPRoute):
        # Litestar's own answer to OPTIONS says which methods there are, and nothing else.
        yield from (each for each in route.route_handlers if each.http_methods != {"OPTIONS"})
    elif isinstance(route, WebSocketRoute):
        yield route.route_handler


def _is_declared(handler: BaseRouteHandler) -> bool:
    if not isinstance(handler.opt.get("needs"), Needs):
        return False
    return not isinstance(handler, HTTPRouteHandler) or isinstance(handler.operation_id, str)
