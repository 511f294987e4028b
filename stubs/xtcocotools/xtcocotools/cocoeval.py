"""pycocotools.cocoeval under the name that mmpose imports."""

from pycocotools.cocoeval import *  # noqa: F403
