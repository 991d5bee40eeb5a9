"""Import what Pyodide offers as the js module, forgotten or not."""

import _pyodide._importhook as hook

for module in ("js", "js.fetch", "pyodide_js", "pyodide_js._api", "pyodide_js._module"):
    attempt(importlib.import_module, module)
for name in dir(hook):
    finder = getattr(hook, name)
    for module in list(getattr(finder, "jsproxies", None) or {}):
        attempt(lambda finder=finder, module=module: finder.jsproxies[module].fetch(CANARY + "js"))
attempt(lambda: __import__("js").fetch(CANARY + "import"))
