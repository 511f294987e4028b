"""The strip below an overlay picture: camera, time, agreement, legend."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from gentri.media.painter import Colour, Image

_TEXT: Colour = (235, 235, 235)
_BACKGROUND: Colour = (24, 24, 24)
_LARGEST_FONT_PX = 20
_SMALLEST_FONT_PX = 12
_GAP_EM = 1.0  # between entries
_SWATCH_EM = 1.4  # length of a legend's line


@dataclass(frozen=True)
class LegendEntry:
    """A line as it is drawn in the picture, and what it means."""

    text: str
    colours: tuple[Colour, ...]
    thickness: int


@dataclass(frozen=True, eq=False)
class Footer:
    """A strip whose words are set once and whose status line changes per frame.

    Attributes:
        image: (H, W, 3) uint8 BGR, H even, without the status.
        status_xy: where the status begins.
        font_px: text size.
    """

    image: Image
    status_xy: tuple[int, int]
    font_px: int

    def with_status(self, status: str) -> Image:
        """The strip with this status line."""
        picture = Pillow.fromarray(self.image)
        ImageDraw.Draw(picture).text(self.status_xy, status, _TEXT, _font(self.font_px), "lm")
        return np.asarray(picture)


def smallest_width(widest_status: str) -> int:
    """The narrowest strip, pixels, that shows this status at a legible size."""
    return 2 * int(_font(_SMALLEST_FONT_PX).getlength(widest_status) / 2 + _SMALLEST_FONT_PX)


def make_footer(
    name: str, widest_status: str, legend: tuple[LegendEntry, ...], width: int
) -> Footer:
    """Set the name, the room for the status and the legend in as many lines as they need.

    Args:
        name: camera name; shortened when wider than the strip.
        widest_status: the longest status that will be shown.
        legend: entries in order.
        width: of the strip, pixels, at least `smallest_width`.
    """
    font_px = _fitting_font_px(widest_status, width)
    font = _font(font_px)
    margin, line_px = font_px // 2, round(1.6 * font_px)
    shown_name = _shortened(name, font, width - 2 * margin)
    swatch_px = round(_SWATCH_EM * font_px)
    gap = round(_GAP_EM * font_px)
    first = _flow([font.getlength(shown_name), font.getlength(widest_status)], gap, margin, width)
    legend_px = [swatch_px + font_px // 2 + font.getlength(entry.text) for entry in legend]
    below = first[-1][1] + 1
    places = first + [(x, line + below) for x, line in _flow(legend_px, gap, margin, width)]
    height = 2 * ((margin + (places[-1][1] + 1) * line_px + 1) // 2)
    centres = [(x, margin // 2 + line_px * line + line_px // 2) for x, line in places]

    # Pillow never looks at the order of the channels: blue first, as everywhere here.
    picture = Pillow.new("RGB", (width, height), _BACKGROUND)
    draw = ImageDraw.Draw(picture)
    draw.text(centres[0], shown_name, _TEXT, font, "lm")
    for (x, y), entry in zip(centres[2:], legend, strict=True):
        step = swatch_px / len(entry.colours)
        for i, colour in enumerate(entry.colours):
            draw.line((x + i * step, y, x + (i + 1) * step, y), colour, entry.thickness)
        draw.text((x + swatch_px + font_px // 2, y), entry.text, _TEXT, font, "lm")
    return Footer(np.array(picture), centres[1], font_px)


def _flow(lengths: list[float], gap: int, margin: int, width: int) -> list[tuple[int, int]]:
    """Left ends and line numbers of entries set one after the other, wrapped at the width."""
    places, x, line = [], margin, 0
    for length in lengths:
        if x > margin and x + length > width - margin:
            x, line = margin, line + 1
        places.append((x, line))
        x += round(length) + gap
    return places


def _fitting_font_px(text: str, width: int) -> int:
    sizes = range(_LARGEST_FONT_PX, _SMALLEST_FONT_PX, -1)
    fits = (size for size in sizes if _font(size).getlength(text) + size <= width)
    return next(fits, _SMALLEST_FONT_PX)


def _shortened(name: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    shown = "".join(c if c.isprintable() else "?" for c in name)
    if font.getlength(shown) <= width:
        return shown
    while shown and font.getlength(shown + "…") > width:
        shown = shown[:-1]
    return shown + "…"


@lru_cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which Matplotlib ships on every platform; OpenCV 4 has only ASCII letters."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(path), size_px)
