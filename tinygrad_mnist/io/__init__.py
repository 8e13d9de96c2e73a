"""File formats' common parts: atomic replacement, and the description of nested objects."""
