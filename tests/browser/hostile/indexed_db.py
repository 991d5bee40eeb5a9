"""Keep something in IndexedDB."""

for store in reach("indexedDB"):
    attempt(lambda store=store: store.open("kept"))
