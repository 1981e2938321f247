"""How many invocations run at once: the account's concurrency, and what functions reserve of it.

AWS Lambda Developer Guide, "Understanding Lambda function scaling".
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from local_aws.awslambda.function import Function

#: invocations at once in a new account (AWS Lambda Developer Guide, "Lambda quotas"; Service Quotas raises it)
NEW_ACCOUNT = 10
#: the most MB of memory of a function in a new account (awslabs/genai-bedrock-agent-chatbot#4), and in an older one
NEW_ACCOUNT_MEMORY_MB, MEMORY_MB = 3008, 10240


class TooManyRequests(Exception):
    """The function may not run once more at present; `reason` is that of Lambda's TooManyRequestsException."""

    def __init__(self, reason: str) -> None:
        super().__init__("Rate Exceeded.")
        self.reason = reason


class Concurrency:
    """Counts the invocations that run.

    Parameters
    ----------
    account:
        How many invocations of all functions run at once.
    functions:
        Returns all functions: what some reserve is not there for the others.
    """

    def __init__(self, account: int, functions: Callable[[], list[Function]]) -> None:
        self.account = account
        self._functions = functions
        self._running: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self, function: Function) -> None:
        """Count an invocation that begins; `give_back` ends it.

        Raises
        ------
        TooManyRequests
            The function's or the account's concurrency is used up.
        """
        reserved = {each.name: each.reserved for each in self._functions() if each.reserved is not None}
        with self._changed:
            if function.name in reserved:
                if self._running[function.name] >= reserved[function.name]:
                    raise TooManyRequests("ReservedFunctionConcurrentInvocationLimitExceeded")
            else:
                running = sum(count for name, count in self._running.items() if name not in reserved)
                if running >= self.account - sum(reserved.values()):
                    raise TooManyRequests("ConcurrentInvocationLimitExceeded")
            self._running[function.name] += 1

    def give_back(self, function: Function) -> None:
        """Count an invocation that has ended."""
        with self._changed:
            self._running[function.name] -= 1
            self._changed.notify_all()

    def running(self, name: str | None = None) -> int:
        """How many invocations of a function run, or of all functions."""
        with self._changed:
            return self._running.total() if name is None else self._running[name]

    def wait_for_end(self, seconds: float) -> None:
        """Wait until an invocation ends, at most so long."""
        with self._changed:
            self._changed.wait(seconds)
