"""Keep something in the origin's private file system."""

for navigator in reach("navigator"):
    attempt(lambda navigator=navigator: navigator.storage.getDirectory())
    attempt(lambda navigator=navigator: navigator.storage.persist())
