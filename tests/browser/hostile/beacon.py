"""Send a beacon."""

for navigator in reach("navigator"):
    attempt(lambda navigator=navigator: navigator.sendBeacon(CANARY + "beacon", "x"))
