"""Drown the page in messages."""

for post in reach("postMessage"):
    for _ in range(100_000):
        attempt(post, "flood")
