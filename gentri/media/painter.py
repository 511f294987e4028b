"""Skeletons drawn into one camera's pictures: detections thin, reconstructions bold."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gentri.data import FloatArray
from gentri.skeletons import Skeleton

Image = NDArray[np.uint8]  # (H, W, 3) BGR
Colour = tuple[int, int, int]  # blue, green, red

# Left, right, middle of the body: warm and cold stay apart for colour-blind eyes.
RECONSTRUCTED: tuple[Colour, ...] = ((0, 130, 255), (255, 150, 20), (90, 220, 90))
DETECTED: tuple[Colour, ...] = ((0, 255, 255), (255, 255, 0), (255, 255, 255))
BYSTANDER: Colour = (200, 200, 200)
_OUTLINE: Colour = (0, 0, 0)

_OPACITY_STEPS = 4  # scores are drawn in this many shades
_SHIFT = 4  # OpenCV draws at 1/16 px
_MISSING = np.iinfo(np.int32).min


@dataclass(frozen=True, eq=False)
class CameraView:
    """All that is drawn into one camera's video: T frames, P detections, Q people in 3D.

    Attributes:
        name: camera name.
        width, height: of the upright source video, pixels; all coordinates refer to it.
        time_s: (T,) of the frames.
        skeleton: joint set.
        detected_px: (T, P, J, 2).
        score: (T, P, J), 0–1.
        is_bystander: (T, P) bool, detections of nobody in 3D.
        track: (T, P) in-view identities, −1 for none.
        reprojected_px: (T, Q, J, 2).
        distance_px: (T,) median distance of detected and reprojected joints.
    """

    name: str
    width: int
    height: int
    time_s: FloatArray
    skeleton: Skeleton
    detected_px: FloatArray
    score: FloatArray
    is_bystander: NDArray[np.bool_]
    track: NDArray[np.int32]
    reprojected_px: FloatArray
    distance_px: FloatArray

    @cached_property
    def limb_sides(self) -> NDArray[np.int64]:
        """Per limb 0 left, 1 right, 2 middle, (L,)."""
        return np.array([_side(a) if _side(a) == _side(b) else 2 for a, b in self.skeleton.limbs])

    @cached_property
    def joint_sides(self) -> NDArray[np.int64]:
        """Per joint 0 left, 1 right, 2 middle, (J,)."""
        return np.array([_side(j) for j in self.skeleton.joints])


def _side(joint: str) -> int:
    return 0 if joint.startswith("left_") else 1 if joint.startswith("right_") else 2


class Painter:
    """Draws skeletons of one view into pictures of one size.

    Args:
        view: what is drawn.
        picture_px: width and height of the pictures.
        thin: thickness of a detected limb, pixels.
    """

    def __init__(self, view: CameraView, picture_px: tuple[int, int], thin: int) -> None:
        self.view, self.thin, self.bold = view, thin, 3 * thin
        self.scale = np.array(picture_px) / (view.width, view.height)
        self.limit = 4 * max(picture_px)  # farther out, OpenCV's fixed-point lines overflow
        # A number says who is who only where there are several.
        self.numbered = len(np.unique(view.track[view.track >= 0])) > 1

    def paint(self, image: Image, t: int) -> None:
        """Draw frame t in place: reconstructed people below, detections above."""
        view = self.view
        reconstructed = _fixed_point(view.reprojected_px[t], self.scale, self.limit)
        detected = _fixed_point(view.detected_px[t], self.scale, self.limit)
        opacity = _opacity_steps(view.score[t])
        for q, joints in enumerate(reconstructed):
            self._paint_reconstructed(image, joints)
            if len(reconstructed) > 1:
                _label(image, f"person {q}", joints, self.thin)  # as in the tables
        for step in range(1, _OPACITY_STEPS + 1):
            if (opacity == step).any():
                layer = image.copy()
                for joints, shades, bystander in zip(
                    detected, opacity, view.is_bystander[t], strict=True
                ):
                    self._paint_detected(layer, joints, shades, step, bystander)
                alpha = step / _OPACITY_STEPS
                cv2.addWeighted(layer, alpha, image, 1 - alpha, 0, dst=image)
        if self.numbered:
            for joints, track in zip(detected, view.track[t], strict=True):
                _label(image, f"track {track}", joints, self.thin)

    def _paint_reconstructed(self, image: Image, joints: NDArray[np.int32]) -> None:
        limbs = joints[self.view.skeleton.limb_indices]
        visible = _drawable(limbs).all(axis=1)
        _strokes(image, limbs[visible], _OUTLINE, self.bold + self.thin)
        for side, colour in enumerate(RECONSTRUCTED):
            _strokes(image, limbs[visible & (self.view.limb_sides == side)], colour, self.bold)

    def _paint_detected(
        self,
        layer: Image,
        joints: NDArray[np.int32],
        opacity: NDArray[np.int64],
        step: int,
        bystander: bool,
    ) -> None:
        """Draw what has this opacity: limbs as sure as their less sure end, joints as dots."""
        limb_indices = self.view.skeleton.limb_indices
        limbs, dots = joints[limb_indices], joints[:, None].repeat(2, axis=1)
        shown_limbs = (opacity[limb_indices].min(axis=1) == step) & _drawable(limbs).all(axis=1)
        shown_dots = (opacity == step) & _drawable(joints)
        for side, colour in enumerate(DETECTED):
            ink = BYSTANDER if bystander else colour
            _strokes(layer, limbs[shown_limbs & (self.view.limb_sides == side)], ink, self.thin)
            _strokes(layer, dots[shown_dots & (self.view.joint_sides == side)], ink, 3 * self.thin)


def _fixed_point(xy_px: FloatArray, scale: FloatArray, limit: float) -> NDArray[np.int32]:
    """Source pixels as OpenCV's 1/16 pixels of the picture; `_MISSING` where not drawable.

    Integer coordinates are pixel centres: (x + 0.5) · scale − 0.5.
    """
    xy = (np.asarray(xy_px, dtype=np.float64) + 0.5) * scale - 0.5
    with np.errstate(invalid="ignore"):
        near = (np.abs(xy) < limit).all(axis=-1, keepdims=True)
    return np.where(near, np.round(np.nan_to_num(xy) * 2**_SHIFT), _MISSING).astype(np.int32)


def _drawable(joints: NDArray[np.int32]) -> NDArray[np.bool_]:
    return joints[..., 0] != _MISSING


def _opacity_steps(score: FloatArray) -> NDArray[np.int64]:
    """Scores in shades, 1 faint to `_OPACITY_STEPS` full; 0 where there is none."""
    return np.ceil(np.nan_to_num(score).clip(0, 1) * _OPACITY_STEPS).astype(np.int64)


def _strokes(image: Image, lines: NDArray[np.int32], colour: Colour, thickness: int) -> None:
    """Draw lines (N, 2, 2) of fixed-point ends; a line without length is a dot."""
    cv2.polylines(image, list(lines), False, colour, thickness, cv2.LINE_AA, _SHIFT)


def _label(image: Image, text: str, joints: NDArray[np.int32], thin: int) -> None:
    """Write who this is above the topmost joint."""
    seen = joints[_drawable(joints)]
    if len(seen) == 0:
        return
    x, y = (int(v) for v in seen[seen[:, 1].argmin()] >> _SHIFT)
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.3 * thin
    (width, height), _ = cv2.getTextSize(text, font, size, thin)
    left, bottom = x - width // 2, y - 6 * thin
    corners = (left - thin, bottom - height - thin), (left + width + thin, bottom + thin)
    cv2.rectangle(image, *corners, _OUTLINE, cv2.FILLED)
    cv2.putText(image, text, (left, bottom), font, size, (255, 255, 255), thin, cv2.LINE_AA)
