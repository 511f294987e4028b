"""Model weights: the registry, the embedded files, fetching and verifying."""
