"""PostgreSQL 15: multi-version storage, row locks, and serializable snapshot isolation."""

from simulations.isolation.postgresql.session import PostgreSQL

__all__ = ["PostgreSQL"]
