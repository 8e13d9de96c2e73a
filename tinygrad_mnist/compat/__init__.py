"""For scripts that were written for PyTorch: its settings, and its names that are not offered."""
