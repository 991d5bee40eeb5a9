"""Who has to give way when transactions wait for each other in a circle.

Rules:

- Of each waiting transaction one edge counts: to the owner of the first lock that it met in its
  way. A circle through another lock in its way is found when the wait moves on to that.
- The victim is the transaction of the circle with the smallest weight: the changes that it has
  made plus its lock structures, locks on tables and the awaited lock included. If that is equal,
  it is the one whose wait closed the circle.

Sources: MariaDB 10.11 storage/innobase/lock/lock0lock.cc (Deadlock::find_cycle,
calc_victim_weight, Deadlock::report), TRX_WEIGHT in trx0trx.h.
"""

from __future__ import annotations

from simulations.isolation.innodb.records import Transaction


def find_victim(closing: Transaction) -> Transaction | None:
    """The victim of the circle that this transaction's wait leads into, if there is one."""
    start = find_circle(closing)
    if start is None:
        return None
    victim, following = start, start.wait_for
    while following is not start:
        if weight(following, closing) < weight(victim, closing):
            victim = following
        following = following.wait_for
    return victim


def find_circle(start: Transaction) -> Transaction | None:
    """A transaction on a circle of waits that leads from here (Brent's algorithm)."""
    tortoise = hare = start
    power = length = 1
    while (hare := hare.wait_for) is not None:
        if tortoise is hare:
            return hare
        if length == power:
            power, length, tortoise = power * 2, 0, hare
        length += 1
    return None


def weight(transaction: Transaction, closing: Transaction) -> tuple[int, bool]:
    return len(transaction.undo) + len(transaction.locks), transaction is not closing
