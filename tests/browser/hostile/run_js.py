"""Run JavaScript from text."""

import pyodide.code

attempt(pyodide.code.run_js, f"fetch('{CANARY}run-js')")
attempt(pyodide.code.run_js, "postMessage(['answer', '{}'])")
