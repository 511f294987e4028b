"""Settings: default.toml, presets and the strict schema."""
