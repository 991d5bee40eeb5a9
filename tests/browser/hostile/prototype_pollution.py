"""Change the prototypes that other code relies on."""

from pyodide.ffi import create_proxy


def pollute(target):
    for key in ("then", "toString", "postMessage", "push", "polluted", "toJSON", "kind", "0"):
        attempt(setattr, target, key, create_proxy(lambda *_: "polluted"))
        attempt(lambda key=key: target.__defineGetter__(key, create_proxy(lambda *_: "polluted")))


for thing in worlds():
    pollute(thing)
    for owner in (thing, attempt(getattr, thing, "constructor")):
        for name in ("prototype", "__proto__"):
            pollute(attempt(getattr, owner, name))
