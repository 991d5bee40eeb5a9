"""Listen to server-sent events."""

for kind in reach("EventSource"):
    new(kind, CANARY + "events")
