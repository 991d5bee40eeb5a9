"""Change the prototypes that other code relies on."""

from pyodide.ffi import create_proxy

for world in worlds():
    for name in ("Object", "Array", "String", "Promise", "JSON", "Map", "Function"):
        kind = attempt(getattr, world, name)
        for target in (
            kind,
            attempt(getattr, kind, "prototype"),
            attempt(getattr, world, "__proto__"),
        ):
            for key in ("then", "toString", "postMessage", "push", "polluted", "toJSON", "kind"):
                attempt(setattr, target, key, create_proxy(lambda *_: "polluted"))
