"""The claims of the seed: every one is there, and what is called taught has a page."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import markdown
import pytest

ROOT = Path(__file__).parent.parent
CLAIMS = tomllib.loads((ROOT / "seeds/claims.toml").read_text(encoding="utf-8"))["claim"]

# The ids of the seed, so that a claim cannot be dropped by deleting its entry.
SEED = """
course.title course.why course.beneath course.scope course.level course.syllabus course.verdict
request.lifecycle request.connections request.kernel request.tls request.serialization
request.intermediaries request.resilience
http.foundation http.1.1 http.2 http.3 http.3.migration websocket
server.web server.static server.dynamic proxy.reverse proxy.balancer
concurrency.process concurrency.threads concurrency.events
db.relational db.nosql db.nosql.scale db.index.scan db.index.btree db.index.lsm db.index.cost
db.retrieval db.acid.atomicity db.acid db.isolation db.base
""".split()


def headings(page: Path) -> set[str]:
    """The anchors of a Markdown page, as the table of contents makes them."""
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    rendered = markdown.markdown(text, extensions=["toc", "attr_list", "pymdownx.superfences"])
    return set(re.findall(r'<h\d id="([^"]+)"', rendered))


def test_each_claim_says_what_a_claim_must_say() -> None:
    for claim in CLAIMS:
        assert set(claim) == {"id", "group", "claim", "lesson"}, claim
        assert claim["claim"].endswith("."), f"{claim['id']}: a claim is a sentence."


def test_ids_are_unique() -> None:
    ids = [claim["id"] for claim in CLAIMS]
    assert sorted(set(ids)) == sorted(ids)


def test_every_claim_of_the_seed_is_there() -> None:
    assert set(SEED) <= {claim["id"] for claim in CLAIMS}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["id"])
def test_what_is_called_taught_has_a_page(claim: dict[str, str]) -> None:
    if claim["lesson"] == "planned":
        return
    path, _, anchor = claim["lesson"].partition("#")
    page = ROOT / "docs" / path
    assert page.is_file(), f"seeds/claims.toml: {claim['id']} names {path}, which is not in docs/."
    if anchor:
        assert anchor in headings(page), (
            f"seeds/claims.toml: {claim['id']} names #{anchor}, which {path} has no heading for."
        )
