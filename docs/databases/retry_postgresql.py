"""Run a whole transaction again when PostgreSQL asks for it."""

# --8<-- [start:transact]
import random
import time
from collections.abc import Callable

import psycopg

RETRY = {"40001", "40P01"}  # serialization_failure, deadlock_detected


def transact[T](
    connection: psycopg.Connection,
    work: Callable[[psycopg.Connection], T],
    attempts: int = 10,
) -> T:
    """Run `work` in one serializable transaction, and again if need be."""
    connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    for attempt in range(1, attempts + 1):
        try:
            with connection.transaction():  # leaving this block sends COMMIT
                return work(connection)
        except psycopg.Error as error:
            if error.sqlstate not in RETRY or attempt == attempts:
                raise
        time.sleep(random.uniform(0, min(1.0, 0.01 * 2**attempt)))
    raise ValueError("attempts must be at least 1")


# --8<-- [end:transact]


# --8<-- [start:leave]
def leave(connection: psycopg.Connection, doctor: str) -> bool:
    count = "SELECT COUNT(*) FROM doctors WHERE on_call = 1"
    (on_call,) = connection.execute(count).fetchone()
    if on_call < 2:
        return False
    update = "UPDATE doctors SET on_call = 0 WHERE name = %s"
    connection.execute(update, [doctor])
    return True


# --8<-- [end:leave]
