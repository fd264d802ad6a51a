"""Call functions: sync ones in a pool of threads, each call logged by ids and outcome, never by content."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.functions_host.index import Function

log = logging.getLogger("functions")
MOST_THREADS = 32


class Caller:
    """Calls functions and knows how many calls are under way."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(MOST_THREADS, "function")
        self._running = 0
        self._changed = threading.Condition()

    def call(self, function: Function, argument: object) -> Any:  # noqa: ANN401 - what the function returns
        """Call in this thread; exceptions go out. A value that no binding takes is a failure, as on Azure."""
        invocation, begun, outcome = uuid.uuid4().hex[:8], time.monotonic(), "succeeded"
        with self._changed:
            self._running += 1
        try:
            result = function.code(**{function.argument: argument})
            result = asyncio.run(result) if function.is_async else result
            return _returned(function, result)
        except BaseException as error:
            outcome = "failed"
            log.exception(
                "function=%s invocation=%s raised %s", function.name, invocation, type(error).__name__
            )
            raise
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
            took = time.monotonic() - begun
            log.info(
                "function=%s invocation=%s outcome=%s seconds=%.3f", function.name, invocation, outcome, took
            )

    def wait_idle(self, seconds: float) -> bool:
        """Wait until no call is under way, for `seconds` at most."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, seconds)


def _returned(function: Function, result: object) -> Any:  # noqa: ANN401 - what the function returns
    if result is not None and not function.returns:
        raise TypeError(f"{function.name} returned a value, but has no $return binding")
    return result
