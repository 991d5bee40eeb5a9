"""Load a module by import()."""

from pyodide import code

for text in (
    f"import('{CANARY}module.js')",
    f"import('data:text/javascript,fetch(\"{CANARY}data\")')",
):
    attempt(code.run_js, text)
    for world in worlds():
        attempt(lambda world=world, text=text: world.constructor.constructor(text)())
