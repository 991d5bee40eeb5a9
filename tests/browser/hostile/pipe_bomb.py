"""Fill a pipe, which lives outside the interpreter's memory."""

import os

_, end = os.pipe()
while True:
    os.write(end, b"x" * 1_000_000)
