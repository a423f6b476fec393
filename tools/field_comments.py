"""For the reference of the API: a record's fields are described by the comments beside them, as the code has them.

An extension of Griffe, which reads the code for mkdocstrings: the comment behind a field, and those in the lines right
below it, become the field's docstring. A field that has a docstring keeps it.
"""

import ast
import io
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import griffe

__all__ = ["FieldComments"]


@cache
def comments(path: Path) -> dict[int, tuple[str, bool]]:
    """Line number -> the comment in it, and whether it has the line to itself."""
    text = path.read_text(encoding="utf-8")
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            found[token.start[0]] = (token.string.lstrip("# "), not token.line[: token.start[1]].strip())
    return found


class FieldComments(griffe.Extension):
    """Gives each attribute of a class or a module the comment beside it."""

    def on_attribute_instance(self, *, node: ast.AST, attr: griffe.Attribute, **kwargs: Any) -> None:  # noqa: ARG002
        """Called by Griffe for every attribute it comes to."""
        if attr.docstring is not None or not isinstance(node, ast.AnnAssign | ast.Assign):
            return
        there = comments(Path(str(attr.filepath)))
        first, last = node.lineno, node.end_lineno or node.lineno
        told = [there[line][0] for line in range(first, last + 1) if line in there]
        line = last + 1
        while line in there and there[line][1]:
            told.append(there[line][0])
            line += 1
        if told:
            attr.docstring = griffe.Docstring(" ".join(told), parent=attr, lineno=first)
