"""What MkDocs is told beyond `mkdocs.yml`: pages and files that are made, not written.

Nothing here touches a page's Markdown; the embed is an extension of Python-Markdown alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from embed import films, pages

FONTS = "node_modules/@fontsource-variable"
SERVED = {
    "assets/fonts/sans.woff2": f"{FONTS}/source-sans-3/files/source-sans-3-latin-wght-normal.woff2",
    "assets/fonts/sans-italic.woff2": (
        f"{FONTS}/source-sans-3/files/source-sans-3-latin-wght-italic.woff2"
    ),
    "assets/fonts/code.woff2": (
        f"{FONTS}/source-code-pro/files/source-code-pro-latin-wght-normal.woff2"
    ),
    # Material's search needs it where a page is opened from a folder; its own default is a CDN.
    "assets/vendor/iframe-worker.js": "node_modules/iframe-worker/shim/index.js",
}
"""Files of the site that come with a package."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the folders that `nav` names with what is in them; run labs anew with a new source."""
    if config.nav is not None:
        config.nav = _filled(config.nav, config)
    labs = config.plugins.get("mkdocs-jupyter")
    if labs is not None:  # its own key knows the notebook, not what the notebook imports
        labs.config["cache_dir"] = str(films.CACHE / "labs" / films.source_hash()[:16])
    return config


def _filled(nav: list, config: MkDocsConfig) -> list:
    filled = []
    for entry in nav:
        if isinstance(entry, dict):
            ((title, value),) = entry.items()
            if isinstance(value, list):
                value = _filled(value, config)
            elif value == "simulations/":
                value = pages.simulation_pages()
            elif value.endswith("/"):
                folder = Path(config.docs_dir) / value
                names = sorted((path.name for path in folder.glob("*.md")), key=_index_first)
                value = [f"{value}{name}" for name in names]
            filled.append({title: value})
        else:
            filled.append(entry)
    return filled


def _index_first(name: str) -> tuple[bool, str]:
    return name != "index.md", name


def on_files(files: Files, config: MkDocsConfig) -> Files:
    try:
        for path, text in pages.pages().items():
            files.append(File.generated(config, path, content=text))
    except films.BrokenSource as error:
        raise PluginError(str(error)) from error
    for path, source in SERVED.items():
        if not (films.ROOT / source).is_file():
            raise PluginError(f"{source} is missing: run make setup.")
        files.append(File.generated(config, path, abs_src_path=str(films.ROOT / source)))
    return files


@event_priority(-100)
def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Take out what mkdocs-jupyter puts into every page, asked or not: MathJax from a CDN."""
    return re.sub(r"<script data-mkdocs-jupyter-mathjax.*?</script>", "", output, flags=re.DOTALL)
