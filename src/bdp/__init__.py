"""BDP Agent: the analyst that operations people trust."""

__version__ = "0.1.0"
