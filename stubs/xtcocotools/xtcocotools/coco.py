"""pycocotools.coco under the name that mmpose imports."""

from pycocotools.coco import *  # noqa: F403
