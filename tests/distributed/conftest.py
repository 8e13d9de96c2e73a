"""The programs are started by tests, and not imported."""

collect_ignore = ["programs"]
