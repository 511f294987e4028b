"""Settings: default.toml and the strict schema."""
