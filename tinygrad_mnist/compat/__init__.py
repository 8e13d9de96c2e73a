"""Support for scripts written for PyTorch: settings without effect, and unsupported names."""
