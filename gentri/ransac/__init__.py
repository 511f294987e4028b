"""Triangulation in torch: hypotheses, scorers, selection."""
