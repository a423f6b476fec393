"""Statistical methods over plain arrays, each with its source."""

__all__ = ["intervals", "pareto", "power", "significance"]
