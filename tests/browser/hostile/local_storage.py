"""Keep something in localStorage and sessionStorage."""

for name in ("localStorage", "sessionStorage"):
    for storage in reach(name):
        attempt(lambda storage=storage: storage.setItem("kept", "1"))
