"""Start a worker, and a shared one, that ask the network."""

text = f"fetch('{CANARY}nested')"
address = None
for url in reach("URL"):
    for blob in reach("Blob"):
        made = new(blob, [text])
        address = attempt(lambda url=url, made=made: url.createObjectURL(made)) or address
for name in ("Worker", "SharedWorker"):
    for kind in reach(name):
        for at in (address, "data:text/javascript," + text, CANARY + "worker.js"):
            new(kind, at)
