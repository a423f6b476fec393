"""A connection to PostgreSQL that does not wait for an answer for ever.

TCP notices a machine that vanished. It does not notice a server that hangs, or a proxy before one that is gone: they
take what they are sent and say nothing.
"""

from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

__all__ = ["ANSWER_SECONDS", "Answering"]

ANSWER_SECONDS = 60.0
"""How long a statement waits for its answer before the connection counts as dead."""


class Answering(psycopg.Connection[Any]):
    """Closes itself, with psycopg's OperationalError, when a statement is not answered in time."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, for ANSWER_SECONDS at the most."""
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # its answer may still come, and must not be taken for that of another statement
            raise
