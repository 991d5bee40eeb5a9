"""Ask the network with fetch."""

for fetch in reach("fetch"):
    attempt(fetch, CANARY + "fetch")
