// Pyodide refuses a classic worker, which it knows by `importScripts`; but under file:// Chromium
// starts no other kind from a blob. All that Pyodide would import is in the bundle already.
(globalThis as { importScripts?: unknown }).importScripts = undefined;
export {};
