"""Ask the network with XMLHttpRequest, at once."""

for kind in reach("XMLHttpRequest"):
    request = new(kind)
    attempt(lambda request=request: request.open("GET", CANARY + "xhr", False))
    attempt(lambda request=request: request.send())
