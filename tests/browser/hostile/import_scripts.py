"""Load a classic script."""

for load in reach("importScripts"):
    attempt(load, CANARY + "script.js")
