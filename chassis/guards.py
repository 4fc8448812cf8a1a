"""The three servers that every service needs, each behind a guard of its own."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from .broker import Publisher, publishing_guard
from .documents import Database, database_guard, ping
from .guard import Dependency, Guard
from .objects import ObjectStore
from .s3 import object_store_guard
from .settings import ServiceSettings


@dataclass(frozen=True)
class Guards:
    """One guard for each server: there is one of these in a process."""

    mongodb: Guard
    s3: Guard
    rabbitmq: Guard

    @classmethod
    def of(cls, settings: ServiceSettings) -> Self:
        """Return new ones, closed."""
        return cls(database_guard(settings), object_store_guard(settings), publishing_guard(settings))

    @property
    def each(self) -> Mapping[Dependency, Guard]:
        """Return them by what they stand before."""
        return {guard.dependency: guard for guard in (self.mongodb, self.s3, self.rabbitmq)}

    def check_storing(self) -> None:
        """Raise the refusal while nothing can be stored: before anything is taken that could not be kept."""
        self.mongodb.check()
        self.s3.check()

    def watches(
        self, database: Database, objects: ObjectStore, publisher: Publisher, within_s: float
    ) -> list[Coroutine[Any, Any, None]]:
        """Return what is to run beside the service: it asks the servers while nobody else does."""
        return [
            self.mongodb.watch(partial(ping, database, within_s)),
            self.s3.watch(partial(objects.ask, within_s)),
            self.rabbitmq.watch(partial(publisher.ping, within_s)),
        ]
