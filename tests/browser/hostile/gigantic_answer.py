"""Answer with far more than a page can take."""

import json

json.dumps = lambda *_, **__: '{"ok":true,"film":"' + "x" * 100_000_000 + '"}'
