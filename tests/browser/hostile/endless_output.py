"""Print without end, with no line ever finished."""

while True:
    print("x" * 10_000, end="")
