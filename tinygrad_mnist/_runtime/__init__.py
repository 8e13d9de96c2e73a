"""Runtime support: threads, the memory allocator, lazy imports, and the wording of errors."""
