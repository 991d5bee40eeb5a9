"""What every hostile program starts with: each way to a JavaScript object that is known.

`CANARY` is the address of a server that must never hear of anything.
"""

import gc
import importlib


def attempt(act, *arguments):
    """Try, and go on to the next attempt whatever happens."""
    try:
        return act(*arguments)
    except Exception:
        return None


def proxies():
    """Every JavaScript object that the interpreter holds, and what hangs on it."""
    found = [attempt(importlib.import_module, name) for name in ("js", "pyodide_js")]
    ffi = importlib.import_module("pyodide.ffi")
    found += [thing for thing in gc.get_objects() if attempt(isinstance, thing, ffi.JsProxy)]
    found += [attempt(ffi.to_js, thing) for thing in ([1], {"a": 1}, b"x", lambda: None)]
    found += [attempt(ffi.create_proxy, list)]
    for name in ("_api", "_module", "globals", "constructor", "FS", "__proto__"):
        found += [attempt(getattr, thing, name) for thing in list(found)]
    return [thing for thing in found if thing is not None]


def worlds():
    """Whatever may be, or may lead to, the JavaScript global object."""
    found = proxies()
    for thing in list(found):
        maker = attempt(lambda thing=thing: thing.constructor.constructor)
        if maker is not None:
            found.append(attempt(lambda maker=maker: maker("return globalThis")()))
    code = attempt(importlib.import_module, "pyodide.code")
    if code is not None:
        found.append(attempt(code.run_js, "globalThis"))
    return [thing for thing in found if thing is not None]


def reach(name):
    """Every JavaScript thing of that name that can be reached."""
    found = [attempt(getattr, world, name) for world in worlds()]
    code = attempt(importlib.import_module, "pyodide.code")
    if code is not None:
        found.append(attempt(code.run_js, name))
    return [thing for thing in found if thing is not None]


def new(thing, *arguments):
    return attempt(thing.new, *arguments)
