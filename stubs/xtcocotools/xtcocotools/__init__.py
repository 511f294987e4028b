"""The names that mmpose imports from xtcocotools, taken from pycocotools."""
