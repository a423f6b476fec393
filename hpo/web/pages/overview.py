"""The overview: every study and the fleet."""

__all__ = ["page"]


def page() -> str:
    """The overview."""
    return "<!doctype html><title>hpo</title>"
