"""The XLA backend, through JAX; it is imported when it is asked for."""
