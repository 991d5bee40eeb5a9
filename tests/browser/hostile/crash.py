"""End the interpreter from within."""

import ctypes
import os

attempt(lambda: ctypes.string_at(0xFFFFFFF0, 1_000_000))
attempt(lambda: ctypes.memset(0, 255, 50_000_000))
os.abort()
