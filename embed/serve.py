"""Serve the built site with live reload: python -m embed.serve, after make site.

A change is answered with `make site`, which knows what depends on what, in a process of its own; so
a site that is served is the site that is published, and nothing has to be imported anew.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys

from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from mkdocs.livereload import LiveReloadServer

from embed.films import ROOT

HOST = "127.0.0.1"
FIRST_PORT = 8000


def free_port(wanted: str) -> int:
    """The port asked for, else the first free one from 8000 on."""
    for port in [int(wanted)] if wanted else range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError("it is in use" if wanted else f"{FIRST_PORT} and the next hundred are in use")


def build() -> None:
    """Bring site/ up to date. What is wrong has been printed by then; the exit says only that."""
    # Bytecode beside the sources would look like another change.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    if subprocess.run(["make", "site"], cwd=ROOT, env=environment).returncode:
        raise Abort("The site could not be built; the last good one is still served.")


def serve(port: int) -> None:
    config = load_config(str(ROOT / "mkdocs.yml"))
    server = LiveReloadServer(build, HOST, port, config.site_dir)
    server.error_handler = lambda code: (ROOT / "site" / "404.html").read_bytes()
    for path in (config.docs_dir, config.config_file_path, ROOT / "embed", *config.watch):
        server.watch(str(path))
    print(f"Serving on {server.url} (end with Ctrl-C).", flush=True)
    try:
        server.serve()
    except KeyboardInterrupt:
        print()
    finally:
        server.shutdown()


def main() -> int:
    logging.basicConfig(level=logging.WARNING)
    wanted = os.environ.get("PORT", "")
    if wanted and not (wanted.isdecimal() and 0 < int(wanted) < 65536):
        print(f"PORT must be a number from 1 to 65535, not “{wanted}”.", file=sys.stderr)
        return 2
    try:
        serve(free_port(wanted))
    except OSError as error:
        print(f"No port {wanted}: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
