"""Fetch with pyodide.http."""

import asyncio

import pyodide.http

attempt(lambda: pyodide.http.open_url(CANARY + "open-url"))
attempt(lambda: asyncio.ensure_future(pyodide.http.pyfetch(CANARY + "pyfetch")))
attempt(lambda: asyncio.run(pyodide.http.pyfetch(CANARY + "pyfetch")))
