"""The revisions, a file each, numbered from 1. Once released, one is never changed."""

__all__: list[str] = []
