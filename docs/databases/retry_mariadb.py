"""Run a whole transaction again when MariaDB asks for it."""

# --8<-- [start:transact]
import random
import time
from collections.abc import Callable

import pymysql

RETRY = {1213, 1205, 1020}  # deadlock, lock wait timeout, row changed


def transact[T](
    connection: pymysql.Connection,
    work: Callable[[pymysql.Connection], T],
    attempts: int = 10,
) -> T:
    """Run `work` in one serializable transaction, and again if need be."""
    for attempt in range(1, attempts + 1):
        try:
            connection.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            connection.begin()
            result = work(connection)
            connection.commit()
        except BaseException as error:
            if connection.open:
                connection.rollback()  # after 1205 it still holds locks
            code = error.args[0] if isinstance(error, pymysql.MySQLError) else 0
            if code not in RETRY or attempt == attempts:
                raise
        else:
            return result
        time.sleep(random.uniform(0, min(1.0, 0.01 * 2**attempt)))
    raise ValueError("attempts must be at least 1")


# --8<-- [end:transact]
