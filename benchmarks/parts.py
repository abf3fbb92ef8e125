"""What is measured: the parts of the benchmark, each a function from settings to rows."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import measure
from benchmarks.measure import ROOT, Contestant, Row

PHOTOGRAPH, PAINTING = ROOT / "samples/rocket.jpg", ROOT / "samples/swirls.jpg"
OURS, TENSORFLOW = "benchmarks.ours", "benchmarks.peers.tensorflow_dream"
TORCH_DREAM, TORCH_STYLE = "benchmarks.peers.torch_dream", "benchmarks.peers.torch_style"
INCEPTION = "benchmarks.peers.keras_inception"
FAST_TORCH = {"dtype": "bfloat16", "channels_last": True}
FAST_TORCH_FLAGS = ("--dtype", "bfloat16", "--channels-last")


@dataclass(frozen=True)
class Settings:
    """How much is measured, and where scratch files go."""

    folder: Path
    rounds: int = 5
    """Samples of every step."""
    runs: int = 3
    """Runs of every whole process."""
    quick: bool = False
    """Tiny pictures: shows that everything works, and nothing about speed."""
    large: bool = False
    """The scaling goes on to 33 megapixels."""
    skip: tuple[str, ...] = ()
    """Names of programs that are left out."""
    cases: tuple[str, ...] = ()
    """Parts of the names of the cases that are measured; of all, if there is none."""

    def wants(self, case: str) -> bool:
        """Whether this case is measured."""
        return not self.cases or any(part in case for part in self.cases)


def steps(settings: Settings) -> Iterator[Row]:
    """The gradient step of a dream, VGG16 block4_conv3, everywhere on the same weights."""
    contestants = [
        Contestant("deepdream bfloat16", f"{OURS}:DreamStepper", {"precision": "bfloat16"}, "bfloat16"),
        Contestant("deepdream winograd", f"{OURS}:DreamStepper", {"precision": "winograd"}),
        Contestant("deepdream float32", f"{OURS}:DreamStepper", {"precision": "float32"}),
        Contestant("TensorFlow tutorial float32", f"{TENSORFLOW}:Stepper"),
        *_torch(
            Contestant("PyTorch bfloat16 channels_last", f"{TORCH_DREAM}:Stepper", FAST_TORCH, "bfloat16"),
            Contestant("PyTorch float32 channels_last", f"{TORCH_DREAM}:Stepper", {"channels_last": True}),
            Contestant("PyTorch float32", f"{TORCH_DREAM}:Stepper"),
        ),
    ]
    sizes = [(96, 128)] if settings.quick else [(256, 256), (384, 512), (575, 1024)]
    yield from _steps("steps", contestants, sizes, settings)


def inception(settings: Settings) -> Iterator[Row]:
    """The gradient step on InceptionV3 mixed4: BatchNorm folded away by deepdream, as it is in Keras."""
    weights = settings.folder / "inception.weights.h5"
    measure.process(["-m", INCEPTION, str(weights)])
    ours = {"model": "inception_v3", "layer": "mixed4", "weights": str(weights)}
    contestants = [
        Contestant(
            f"{name} {precision}",
            f"{module}:{stepper}",
            {**options, "precision": precision},
            precision,
            nearness,
        )
        # Gradients of a random network are chaotic: in bfloat16 Keras's own come only to 0.7 or 0.85.
        for precision, nearness in (("bfloat16", 0.6), ("float32", None))
        for name, module, stepper, options in (
            ("deepdream", OURS, "DreamStepper", ours),
            ("Keras", INCEPTION, "Stepper", {"weights": str(weights)}),
        )
    ]
    sizes = [(128, 160)] if settings.quick else [(384, 512)]
    # How TensorFlow rewrites a graph may depend on chance, once for every process.
    yield from _steps("inception", contestants, sizes, settings, crews=1 if settings.quick else 5)


def style(settings: Settings) -> Iterator[Row]:
    """One L-BFGS iteration of style transfer, then whole processes of a few."""
    contestants = [
        Contestant("deepdream bfloat16", f"{OURS}:StyleStepper", {"precision": "bfloat16"}, "bfloat16"),
        Contestant("deepdream float32", f"{OURS}:StyleStepper", {"precision": "float32"}),
        *_torch(
            Contestant("PyTorch bfloat16 channels_last", f"{TORCH_STYLE}:Stepper", FAST_TORCH, "bfloat16"),
            Contestant("PyTorch float32", f"{TORCH_STYLE}:Stepper"),
        ),
    ]
    yield from _steps("style", contestants, [(96, 96) if settings.quick else (512, 512)], settings)
    size, count = ("96", "2") if settings.quick else ("512", "10")
    paths = [str(ROOT / "samples/astronaut.jpg"), str(PAINTING)]
    target = str(settings.folder / "painted.png")
    ours = ["-m", "deepdream", "style", *paths, "--size", size, "--steps", count, "--recipe", "johnson"]
    ours += ["--start", "content", "--history", "20", "--bounded", "--seed"]
    ours += ["0", "--quiet", "--overwrite", "-o", target, "--precision"]
    torch = ["-m", TORCH_STYLE, *paths, target, "--size", size, "--steps", count]
    commands = {
        "deepdream bfloat16": [*ours, "bfloat16"],
        "deepdream float32": [*ours, "float32"],
        **({"PyTorch bfloat16 channels_last": [*torch, *FAST_TORCH_FLAGS]} if _has_torch() else {}),
        **({"PyTorch float32": torch} if _has_torch() else {}),
    }
    yield from _processes("style", f"process, {size} px, {count} iterations", commands, settings)


def process(settings: Settings) -> Iterator[Row]:
    """A dream from the start of the process to the saved picture: 4 octaves of 10 steps, block4_conv3."""
    width, height, count = (160, 90, "2") if settings.quick else (1024, 575, "10")
    source, target = settings.folder / "source.png", settings.folder / "dreamt.png"
    _photograph(width, height).save(source)
    ours = ["-m", "deepdream", "dream", str(source), "--layer", "block4_conv3", "--steps", count]
    ours += ["--octaves", "4", "--seed", "0", "--quiet", "--overwrite", "-o", str(target), "--precision"]
    torch = ["-m", TORCH_DREAM, str(source), str(target), "--steps", count]
    commands = {
        "deepdream bfloat16": [*ours, "bfloat16"],
        "deepdream winograd": [*ours, "winograd"],
        "deepdream float32": [*ours, "float32"],
        "TensorFlow tutorial float32": ["-m", TENSORFLOW, str(source), str(target), "--steps", count],
        **({"PyTorch bfloat16 channels_last": [*torch, *FAST_TORCH_FLAGS]} if _has_torch() else {}),
        **({"PyTorch float32": torch} if _has_torch() else {}),
    }
    yield from _processes("process", f"dream {width}x{height}, 4 x {count} steps", commands, settings)


def scaling(settings: Settings) -> Iterator[Row]:
    """deepdream alone, from small to large: one step, and the peak memory of the process that took it."""
    megapixels = [0.02, 0.08] if settings.quick else [0.25, 1.0, 4.0, 8.0]
    sizes = [(round((mp * 16 / 9) ** 0.5 * 1000), round((mp * 9 / 16) ** 0.5 * 1000)) for mp in megapixels]
    limits: list[str | None] = [None] * len(sizes)
    if settings.large:
        sizes.append((7680, 4320))
        limits.append("4")
    for (width, height), limit in zip(sizes, limits, strict=True):
        megapixel = width * height / 1e6
        case = f"{megapixel:.2f} MP, {width}x{height}" + (f", --memory {limit}" if limit else "")
        if not settings.wants(case):
            continue
        command = ["-m", OURS, str(PHOTOGRAPH), str(width), str(height), *([limit] if limit else [])]
        done = measure.process(command)
        facts = json.loads(done.output.splitlines()[-1])
        if "declined" in facts:
            yield Row("scaling", case, "deepdream", (), None, {"note": facts["declined"]})
            continue
        seconds = facts.pop("seconds")
        facts.update(megapixels=round(megapixel, 3), per_megapixel=seconds / megapixel)
        yield Row("scaling", case, f"deepdream {facts.pop('precision')}", (seconds,), done.memory, facts)


def kernels(settings: Settings) -> Iterator[Row]:
    """How much of deepdream's step is convolutions, by TensorFlow's profiler, and how fast these are."""
    for height, width in [(96, 128)] if settings.quick else [(384, 512), (575, 1024)]:
        case = f"step, {height}x{width}"
        for precision in ("bfloat16", "float32") if settings.wants(case) else ():
            done = measure.process(["-m", "benchmarks.kernels", str(height), str(width), precision])
            facts = json.loads(done.output.splitlines()[-1])
            yield Row("kernels", case, f"deepdream {precision}", (facts.pop("seconds"),), None, facts)


PARTS: Mapping[str, Callable[[Settings], Iterator[Row]]] = {
    "steps": steps,
    "process": process,
    "style": style,
    "inception": inception,
    "scaling": scaling,
    "kernels": kernels,
}


def _steps(
    part: str,
    contestants: Sequence[Contestant],
    sizes: Sequence[tuple[int, int]],
    settings: Settings,
    crews: int = 1,
) -> Iterator[Row]:
    contestants = [it for it in contestants if it.name not in settings.skip]
    sizes = [(height, width) for height, width in sizes if settings.wants(f"step, {height}x{width}")]
    if not sizes:
        return
    reference = next(it.name for it in reversed(contestants) if it.precision == "float32")
    measured: dict[tuple[int, int], list[list[Row]]] = {size: [] for size in sizes}
    for _ in range(crews):
        with measure.workers(contestants) as crew:
            for height, width in sizes:
                # Away from black and white, where a step would be clipped and its direction lost.
                pixels = 48.0 + np.asarray(_photograph(width, height), np.float32) * (160.0 / 255.0)
                case = f"step, {height}x{width}"
                rows = measure.steps(part, case, crew, pixels, settings.rounds, settings.folder, reference)
                measured[height, width].append(rows)
                if len(measured[height, width]) == crews:
                    yield from map(measure.together, zip(*measured[height, width], strict=True))


def _processes(
    part: str, case: str, commands: Mapping[str, Sequence[str]], settings: Settings
) -> Iterator[Row]:
    chosen = {name: command for name, command in commands.items() if name not in settings.skip}
    if not settings.wants(case):
        return
    yield from measure.processes(part, case, chosen, settings.runs)


def _photograph(width: int, height: int) -> Image.Image:
    with Image.open(PHOTOGRAPH) as picture:
        return picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _torch(*contestants: Contestant) -> tuple[Contestant, ...]:
    """The contestants, if there is a PyTorch to run them."""
    return contestants if _has_torch() else ()
