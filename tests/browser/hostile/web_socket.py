"""Open a WebSocket."""

for kind in reach("WebSocket"):
    new(kind, CANARY.replace("http", "ws") + "socket")
