"""The scripts import PyTorch, so they are not collected for doctests."""

collect_ignore = ["scripts"]
