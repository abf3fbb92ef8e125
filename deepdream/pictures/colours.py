"""Colours as data: luminance apart from chroma, and moving one picture's colours to those of another.

Pure functions of NumPy arrays: pixels are float `[H, W, 3]`, sRGB-encoded grey levels 0-255, and so is what
comes back (float32). Luminance is the Y of YIQ, as in Gatys, Bethge, Hertzmann & Shechtman, "Preserving color
in neural artistic style transfer" (2016). Importing this module loads no NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "crisper",
    "grey",
    "is_grey",
    "luminance",
    "match_colours",
    "match_luminance",
    "statistics",
    "with_luminance",
]

LUMA: Final = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in Y (NTSC, 1953); they add up to 1."""

EPSILON: Final = 1e-5 * 255**2
"""Added to the diagonal of a covariance (1e-5 on colours 0..1): that of a grey picture has rank 1."""


def luminance(pixels: np.ndarray) -> np.ndarray:
    """How bright every pixel is, `[H, W]`: 0.299 R + 0.587 G + 0.114 B."""
    import numpy as np

    y: np.ndarray = np.asarray(pixels, np.float64) @ np.array(LUMA)
    return y.astype(np.float32)


def grey(pixels: np.ndarray) -> np.ndarray:
    """The picture without its chroma, `[H, W, 3]` with three equal channels."""
    import numpy as np

    return np.repeat(luminance(pixels)[..., None], 3, axis=2)


def is_grey(pixels: np.ndarray) -> bool:
    """Whether no pixel has any chroma."""
    return not len(pixels) or bool((pixels == pixels[..., :1]).all())


def with_luminance(pixels: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """The chroma (I and Q) of `pixels` under the luminance `bright` `[H, W]`.

    Where no screen can show both, the chroma is scaled down: luminance and hue are kept.
    """
    import numpy as np

    y = np.clip(np.asarray(bright, np.float64), 0.0, 255.0)[..., None]
    chroma = np.asarray(pixels, np.float64) - luminance(pixels).astype(np.float64)[..., None]
    room = np.where(chroma > 0, 255.0 - y, y)
    # A chroma of zero needs no room; one too small to divide by needs less than there is.
    share = np.min(room / np.maximum(np.abs(chroma), 1e-9), axis=2, keepdims=True)
    moved: np.ndarray = np.clip(y + np.minimum(1.0, share) * chroma, 0.0, 255.0).astype(np.float32)
    return moved


def match_luminance(pixels: np.ndarray, like: np.ndarray) -> np.ndarray:
    """`pixels` in grey, its luminance stretched to the mean and the deviation of that of `like`.

    Gatys et al. 2016, eq. 10: without it a dark style would darken a luminance-only transfer.
    """
    import numpy as np

    mine, other = luminance(pixels).astype(np.float64), luminance(like).astype(np.float64)
    factor = np.sqrt((other.var() + EPSILON) / (mine.var() + EPSILON))
    moved = np.clip(factor * (mine - mine.mean()) + other.mean(), 0.0, 255.0)
    return np.repeat(moved[..., None], 3, axis=2).astype(np.float32)


def match_colours(
    pixels: np.ndarray, like: np.ndarray, method: Literal["pca", "cholesky"] = "pca"
) -> np.ndarray:
    """`pixels` with the mean and the covariance of the colours of `like`, by one linear map for all pixels.

    x -> A (x - μ) + μ', with A Σ Aᵀ = Σ' (Gatys et al. 2016, eq. 2 to 9): 'pca' is A = Σ'^½ Σ^-½, 'cholesky'
    A = L' L⁻¹. PCA treats the three colours alike; Cholesky depends on their order. Both covariances get
    `EPSILON` on the diagonal. Results beyond 0-255 are clipped.
    """
    import numpy as np

    (mean, spread), (other_mean, other_spread) = statistics(pixels), statistics(like)
    ridge = EPSILON * np.eye(3)
    root = np.linalg.cholesky if method == "cholesky" else _square_root
    matrix = root(other_spread + ridge) @ np.linalg.inv(root(spread + ridge))
    moved = (np.asarray(pixels, np.float64) - mean) @ matrix.T + other_mean
    clipped: np.ndarray = np.clip(moved, 0.0, 255.0).astype(np.float32)
    return clipped


def crisper(pixels: np.ndarray, like: np.ndarray, most: float = 1.12) -> np.ndarray:
    """`pixels` with finest luminance as strong as that of `like`, but at most `most` times what it was.

    What a blur by 1 px takes from Y is finest; its deviation counts. The chroma is left alone, and so is what
    is as crisp already.
    """
    import numpy as np

    fine, wanted = _finest(luminance(pixels)), float(_finest(luminance(like)).std())
    gain = min(most, wanted / max(float(fine.std()), 1e-9))
    if gain <= 1:
        return pixels
    sharper: np.ndarray = np.clip(pixels + (gain - 1) * fine[..., None], 0.0, 255.0).astype(np.float32)
    return sharper


def _finest(bright: np.ndarray) -> np.ndarray:
    """`bright` [H, W] less its mean by the kernel [1, 4, 6, 4, 1] ⊗ [1, 4, 6, 4, 1] / 256."""
    import numpy as np

    blurred = bright
    for axis in (0, 1):
        side = bright.shape[axis]
        around = np.pad(blurred, [(2, 2) if axis == it else (0, 0) for it in (0, 1)], mode="symmetric")
        near = [np.take(around, range(at, at + side), axis) for at in range(5)]
        blurred = (near[0] + 4 * near[1] + 6 * near[2] + 4 * near[3] + near[4]) / 16
    fine: np.ndarray = bright - blurred
    return fine


def statistics(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean `[3]` and covariance `[3, 3]` of the colours, in float64."""
    import numpy as np

    colours = np.asarray(pixels, np.float64).reshape(-1, 3)
    mean = colours.mean(axis=0)
    centred = colours - mean
    return mean, centred.T @ centred / len(centred)


def _square_root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a symmetric positive matrix."""
    import numpy as np

    values, vectors = np.linalg.eigh(matrix)
    root: np.ndarray = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return root
