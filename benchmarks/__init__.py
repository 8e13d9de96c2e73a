"""Workloads that compare training steps with PyTorch's and with hand-written NumPy."""
