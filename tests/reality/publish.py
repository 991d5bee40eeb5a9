"""Puts the counts of the last runs into published.json, which the site shows.

    python -m tests.reality.publish

A run of `make test` or `make reality` leaves its counts in results/, one file a level; those
replace what was published for their level, also if they are fewer.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.reality.hunt import RESULTS

PUBLISHED = Path(__file__).with_name("published.json")


def publish() -> list[dict]:
    counts = json.loads(PUBLISHED.read_text()) if PUBLISHED.exists() else []
    by_level = {(count["system"], count["level"]): count for count in counts}
    for path in sorted(RESULTS.glob("*.json")):
        count = json.loads(path.read_text())
        by_level[count["system"], count["level"]] = count
    published = [by_level[key] for key in sorted(by_level)]
    PUBLISHED.write_text(json.dumps(published, indent=1) + "\n")
    return published


if __name__ == "__main__":
    for count in publish():
        print(
            "{system} {version}, {level}: {compared} compared, {divergences} differ".format(**count)
        )
