"""What was found, for a person to look at: figures, one HTML page, Markdown."""
