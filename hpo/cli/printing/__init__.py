"""What commands print: words, numbers and tables on stdout and stderr, the bar, and the findings of each command."""

__all__ = ["comparison_text", "console", "progress_bar", "search_text", "status_text", "sweep_text"]
