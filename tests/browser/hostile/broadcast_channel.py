"""Speak to the site's other pages."""

for kind in reach("BroadcastChannel"):
    channel = new(kind, "hostile")
    attempt(lambda channel=channel: channel.postMessage("heard"))
