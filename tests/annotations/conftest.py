"""The script is read by type checkers, and not collected for doctests."""

collect_ignore = ["expected.py"]
