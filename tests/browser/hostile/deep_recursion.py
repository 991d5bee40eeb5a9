"""Overflow the stack."""

sys.setrecursionlimit(10**9)


def deeper():
    return deeper()


deeper()
