"""Moving pictures about their centre: zooming, turning and shifting by one resampling of good quality."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deepdream.pictures.picture import Picture

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Motion"]

_REST = 0.25
"""How far the frame reaches beyond a picture that is mirrored there, in parts of its shorter side."""
_RISE = 0.4
"""Widest fall of a picture's opacity towards its border, in parts of its shorter side."""


@dataclass(frozen=True)
class Motion:
    """What moves a picture: `zoom` (more than 1 enlarges) and `rotation` in degrees (anticlockwise) about its
    centre, then a shift of `right` and `down` in parts of its width and height.

    A motion of all defaults is none.
    """

    zoom: float = 1.0
    rotation: float = 0.0
    right: float = 0.0
    down: float = 0.0

    def moved(self, picture: Picture, times: int = 1) -> Picture:
        """The picture moved `times` times over (backwards if negative), resampled once, at its own size.

        By cubic B-splines. What comes in over the border is the picture mirrored there, so that nothing is
        smeared.
        """
        if not times or self == Motion():
            return picture
        alpha = None if picture.alpha is None else self._sampled(picture.alpha[:, :, None], times)[:, :, 0]
        return replace(picture, pixels=self._sampled(picture.pixels, times), alpha=alpha)

    def homing(self, frame: Picture, goal: Picture, left: int, of: int) -> Picture:
        """`frame` on its way to `goal`, which it would be after `left` more moves.

        Over it lies the goal, moved back as many times, so that each move brings it nearer; its opacity grows
        evenly, from nothing at `of + 1` moves to all at none. Its border is soft, and beyond
        `frame` stays until little of it is in sight.
        """
        share = (1 - left / (of + 1)) * self.coverage(frame.size, -left)[:, :, None]
        above = self.moved(goal, -left)
        pixels = frame.pixels + share * (above.pixels - frame.pixels)
        alpha = frame.alpha
        if alpha is not None and above.alpha is not None:
            alpha = alpha + share[:, :, 0] * (above.alpha - alpha)
        return replace(frame, pixels=pixels, alpha=alpha)

    def coverage(self, size: tuple[int, int], times: int) -> np.ndarray:
        """How much each pixel of a picture of `size`, moved `times` times, shows of it.

        float32 [H, W]: 0 beyond its border and rising smoothly to 1 inside, with round corners, so that no
        edge is seen. The less of the frame lies beyond the border, the steeper. A narrow rest shows the
        mirror image, the more so the narrower: that goes better with the picture than what lies below.
        """
        import numpy as np

        across, down = self._inside(size, times)
        beyond = -min(float(across.min()), float(down.min()))
        if beyond <= 0:
            return np.ones(across.shape, np.float32)
        rest = beyond / (_REST * min(size))
        rise = min(beyond * min(1, rest), _RISE * min(size))
        shown: np.ndarray = np.maximum(_smooth(across / rise) * _smooth(down / rise), 1 - rest)
        return shown

    def _inside(self, size: tuple[int, int], times: int) -> tuple[np.ndarray, np.ndarray]:
        """How far inside the left and right, and the upper and lower border each pixel [H, W] comes from.

        In pixels; negative outside.
        """
        import numpy as np

        width, height = size
        a, b, c, d, e, f = self._source(size, times)
        y, x = np.mgrid[:height, :width] + 0.5
        there_x, there_y = a * x + b * y + c, d * x + e * y + f
        return np.minimum(there_x, width - there_x), np.minimum(there_y, height - there_y)

    def _source(self, size: tuple[int, int], times: int) -> tuple[float, ...]:
        """Where the point (x, y) of the moved picture comes from: (ax + by + c, dx + ey + f).

        In pixels from the picture's upper left corner, so that the centre of the first pixel is (½, ½).
        """
        import numpy as np

        width, height = size
        turn = math.radians(self.rotation)
        cos, sin = self.zoom * math.cos(turn), self.zoom * math.sin(turn)
        # Rows count downwards, so anticlockwise is this way round.
        once = np.array([[cos, sin, self.right * width], [-sin, cos, self.down * height], [0, 0, 1]])
        back = np.linalg.matrix_power(np.linalg.inv(once), times)
        middle = np.array([width / 2, height / 2])
        offset = middle - back[:2, :2] @ middle + back[:2, 2]
        return (*map(float, (*back[0, :2], offset[0])), *map(float, (*back[1, :2], offset[1])))

    def _sampled(self, levels: np.ndarray, times: int) -> np.ndarray:
        """`levels` [H, W, C], 0 to 255, moved.

        The splines go through the pixels. A kernel that does not blurs, or, as Pillow's cubic does, raises
        the middle frequencies: frame after frame, edges would grow fringes of colour.
        """
        import numpy as np
        from scipy import ndimage

        height, width, channels = levels.shape
        a, b, c, d, e, f = self._source((width, height), times)
        to_source = np.array([[e, d], [b, a]])  # in rows and columns, from the centre of the first pixel
        offset = to_source @ (0.5, 0.5) + (f, c) - 0.5
        moved = np.empty(levels.shape, np.float32)
        for channel in range(channels):
            plane = np.ascontiguousarray(levels[:, :, channel])
            ndimage.affine_transform(
                plane, to_source, offset, output=moved[:, :, channel], order=3, mode="reflect"
            )
        # The lobes of the kernel overshoot at edges.
        return np.clip(moved, 0, 255, out=moved)


def _smooth(values: np.ndarray) -> np.ndarray:
    """0 up to 0, 1 from 1 on, and a smooth rise between (Hermite's 3t² - 2t³)."""
    import numpy as np

    t = np.clip(values, 0, 1).astype(np.float32)
    risen: np.ndarray = t * t * (3 - 2 * t)
    return risen
