"""Names of studies in addresses: any text, one segment of a path, whatever stands between browser and server.

An ordinary name stands as it is. Everything else is written as percent-encoding with a tilde for the percent sign,
because a server decodes percents before it looks for slashes, and browsers resolve `.` and `..` even where encoded.
"""

import hashlib
from urllib.parse import quote, unquote_to_bytes

from werkzeug.routing import BaseConverter, ValidationError

__all__ = ["StudyName", "anchor", "segment"]


def segment(name: str) -> str:
    """The name as one segment of a path: letters, digits, `-`, `_`, `.` and `~` only, never empty, `.` or `..`."""
    # SQLite gives back the half of a surrogate pair that somebody put into a name.
    quoted = quote(name.encode("utf-8", "surrogatepass"), safe="").replace("~", "%7E").replace("%", "~")
    if quoted.startswith("."):
        quoted = "~2E" + quoted[1:]
    return quoted or "~"


def anchor(text: str) -> str:
    """The text as part of an element's id, the same for the same text and short whatever it says."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class StudyName(BaseConverter):
    """The part of a rule that is a study's name: `<study:name>`."""

    def to_python(self, value: str) -> str:
        """The name of that segment."""
        if value == "~":
            return ""
        try:
            return unquote_to_bytes(value.replace("%", "%25").replace("~", "%")).decode("utf-8", "surrogatepass")
        except UnicodeError:
            raise ValidationError from None

    def to_url(self, value: str) -> str:
        """The segment of that name."""
        return segment(value)
