"""Pure numpy float64: rigid motions, cameras, two views, rigs, bundle adjustment."""
