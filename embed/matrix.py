"""The matrix."""


def matrix() -> str:
    return "# Matrix"
