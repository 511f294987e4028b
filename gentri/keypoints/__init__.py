"""Keypoints that another program found: its files as gentri's arrays, one module per format."""
