"""What a service says of itself, a line an event: plain text, or JSON for programs."""

__all__: list[str] = []
