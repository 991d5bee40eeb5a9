"""Open a WebTransport session."""

for kind in reach("WebTransport"):
    new(kind, CANARY.replace("http", "https") + "transport")
