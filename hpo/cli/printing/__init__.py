"""What commands print: words, numbers and tables on stdout and stderr, the bar, and the findings of each command."""

__all__ = [
    "bar",
    "comparison_text",
    "console",
    "examined",
    "fleet_text",
    "greedy_text",
    "phrases",
    "search_text",
    "status_watch",
    "study_text",
    "tables_text",
]
