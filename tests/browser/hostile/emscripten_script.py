"""Run JavaScript by the functions that the interpreter is linked with."""

import ctypes

library = attempt(ctypes.CDLL, None) or attempt(lambda: ctypes.pythonapi)
text = f"fetch('{CANARY}emscripten')".encode()
for name in ("emscripten_run_script", "emscripten_run_script_int", "emscripten_run_script_string"):
    attempt(lambda name=name: getattr(library, name)(text))
