"""Many who want to know the same thing at once: it is found out once."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """What was begun goes on, also when nobody waits for it any more."""

    def __init__(self) -> None:
        self._looking: dict[Hashable, asyncio.Task[T]] = {}

    async def find(self, key: Hashable, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What `look` finds, or what it raises; where somebody already looks for this key, what that one does."""
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(look())
            task.add_done_callback(lambda done: (self._looking.pop(key), done.cancelled() or done.exception()))
        return await asyncio.shield(task)
