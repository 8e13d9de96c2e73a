"""What runs underneath: threads, freed memory, imports that are made late, and names in errors."""
