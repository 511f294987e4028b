"""Who is who: tracks within a view and the same person across views."""
