"""Texts that a spreadsheet takes for text, and not for a formula, where it opens a file of plain cells."""

import re

__all__ = ["harmless"]

# What begins a formula in Excel, LibreOffice or Google Sheets, their full-width forms too, perhaps after white space
# and quotes, which some of them drop; and what some drop at the beginning of a cell (OWASP, CSV Injection).
_FORMULA = re.compile(r"[\t\r\n]|[\s'\"\ufeff]*[=+\-@＝＋－＠]")


def harmless(text: str) -> str:
    """The text after an apostrophe where it would be taken for a formula; else as it is.

    A cell that begins with an apostrophe and would be a formula without it is the text behind that apostrophe: no text
    is written so by itself, as quotes before a formula are an apostrophe more.
    """
    return f"'{text}" if _FORMULA.match(text) else text
