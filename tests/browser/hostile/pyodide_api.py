"""Ask Pyodide's own loader to fetch."""

for api in [*reach("loadPackage"), attempt(importlib.import_module, "pyodide_js")]:
    attempt(lambda api=api: api(CANARY + "package.whl"))
    attempt(lambda api=api: api.loadPackage(CANARY + "package.whl"))
for module in reach("_module"):
    attempt(lambda module=module: module.loadDynamicLibrary(CANARY + "library.so"))
