"""Tests of a finished rig against what the cameras saw: who disagrees, since when, and why."""
