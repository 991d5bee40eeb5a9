"""Compile the Python files of a zip. Run by the interpreter that will run them: see runtime.mjs."""

import importlib.util
import marshal
import sys
import zipfile

MOMENT = (1980, 1, 1, 0, 0, 0)  # so that equal inputs make equal bytes


def compiled(text: bytes, name: str, optimize: int) -> bytes:
    """The contents of a .pyc that is never compared with its source (PEP 552, unchecked hash)."""
    code = compile(text, name, "exec", dont_inherit=True, optimize=optimize)
    flags = (0b01).to_bytes(4, "little")
    return (
        importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(text) + marshal.dumps(code)
    )


def cached(name: str) -> str:
    """Where a package in a folder keeps the bytecode of `name`."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/__pycache__/{file.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"


def compile_zip(source: str, target: str, *, alone: bool) -> None:
    """Write `target`: `source` with bytecode in place of each module, as zipimport reads it, and
    without docstrings and asserts, which make it an eighth larger. With `alone` nothing but the
    bytecode, with both, named as in a folder of sources.

    Nothing is compressed: the whole is, later, which makes it smaller and quicker to read.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in sorted(old.namelist()):
            text = old.read(name)
            if name.endswith(".py"):
                path = cached(name) if alone else name + "c"
                code = compiled(text, name, 0 if alone else 2)
                new.writestr(zipfile.ZipInfo(path, MOMENT), code)
            elif not alone:
                new.writestr(zipfile.ZipInfo(name, MOMENT), text)
