"""Overflow the stack of the parser and of a destructor."""

nested = []
for _ in range(10_000_000):
    nested = [nested]
attempt(repr, nested)
del nested
attempt(eval, "(" * 100_000 + ")" * 100_000)
