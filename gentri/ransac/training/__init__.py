"""Training of the scorers of the learned triangulation, from motion to a weight file."""
