"""Keep something in Cache Storage, and read the site from it."""

for caches in reach("caches"):
    attempt(lambda caches=caches: caches.open("kept"))
    attempt(lambda caches=caches: caches.open("kept").then(lambda cache: cache.add(CANARY)))
