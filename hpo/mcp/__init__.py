"""Studies for language models: a server of the Model Context Protocol in front of the interface for programs.

`interface_client.py` asks that interface, over a network or in this process; `tools.py` makes a tool of each of its
operations; `stdio.py` speaks the protocol. Nothing here knows what an operation does: `hpo.web.api` alone does.
"""

__all__ = ["interface_client", "stdio", "tools"]
