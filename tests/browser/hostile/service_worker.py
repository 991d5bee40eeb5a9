"""Stand between the site and its server."""

for navigator in reach("navigator"):
    attempt(lambda navigator=navigator: navigator.serviceWorker.register(CANARY + "service.js"))
