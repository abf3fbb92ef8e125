"""The contract of modes as a test: the built-in modes keep it, and one that breaks a rule is told which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
import pytest

from deepdream.api import Animation, Engine, Option, Picture, UsageError, mode
from deepdream.api import objectives as obj
from deepdream.modes.registry import load
from deepdream.testing import CHECKS, Bench, assert_mode_conforms, picture, run_mode, tiny_network

pytest_plugins = ["deepdream.testing.fixtures"]

MODES = load({"DEEPDREAM_NO_PLUGINS": "1"}).modes
QUICK = {"octaves": 2, "steps": 4, "jitter": 4, "frames": 2, "size": 64}
"""What makes a mode quick, if it has such an option."""

REASONS: dict[str, dict[str, str]] = {}
"""Checks that do not fit a built-in mode, and why."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in MODES])
def test_the_built_in_modes_conform(name: str) -> None:
    own = {item.name for item in MODES[name].options}
    options = {key: value for key, value in QUICK.items() if key in own}
    assert_mode_conforms(MODES[name].function, options=options, skip=REASONS.get(name, {}))


Body = Callable[[Picture, Engine], Any]


def made(body: Body) -> Callable[..., Any]:
    @mode("sample", api=1)
    def sample(image: Picture, engine: Engine) -> Picture:
        """Do something."""
        return body(image, engine)  # type: ignore[no-any-return]

    return sample


def climb(image: Picture, engine: Engine, layer: str = "block1_conv2", **more: Any) -> Picture:
    return engine.ascend(image, obj.layer(layer), **{"steps": 4, **more})


def thrown_away(image: Picture, engine: Engine) -> Picture:
    climb(image, engine)
    return image.with_pixels(255 - image.pixels)


def thrown_away_unplanned(image: Picture, engine: Engine) -> Picture:
    strongest = engine.features(image, "block1_conv2")["block1_conv2"].numpy().max((0, 1, 2)).argmax()
    engine.ascend(image, obj.channel("block1_conv2", int(strongest)), steps=2)
    return image


def film(body: Callable[[Picture, Engine], Any]) -> Callable[..., Any]:
    @mode("sample", api=1)
    def sample(image: Picture, engine: Engine) -> Animation:
        """Do something."""
        return Animation(body(image, engine), 3)

    return sample


def with_a_memory(image: Picture, _engine: Engine) -> Any:
    turned: list[int] = []

    def frame(index: int, previous: Picture | None) -> Picture:
        turned.append(index)
        return image.with_pixels(np.roll(image.pixels, len(turned), axis=1))

    return frame


def without(image: Picture, _engine: Engine) -> Any:
    return lambda _index, previous: image.with_pixels(np.roll((previous or image).pixels, 1, axis=1))


def only(*names: str) -> dict[str, str]:
    return {name: "another test has it" for name in CHECKS if name not in names}


@pytest.mark.slow
def test_a_sound_mode_passes_every_check() -> None:
    assert_mode_conforms(made(climb))


class Wild:
    """Another number at every call, whatever the seed."""

    calls = 0

    def __call__(self, image: Picture, engine: Engine) -> Picture:
        self.calls += 1
        return image.with_pixels(np.clip(image.pixels + self.calls, 0, 255))


BREAKS: dict[str, tuple[Body, str]] = {
    "rises": (
        lambda i, e: e.ascend(i, -1.0 * obj.layer("block1_conv2"), steps=4, shape=lambda g: -g),
        "it fell in 1 of 1 octaves",
    ),
    "moves": (thrown_away, "its 4 steps change nothing: use the picture that engine.ascend returns"),
    "keeps_shape": (lambda image, _e: image.resized(32, 32), "32x32 px, from 80x64"),
    "is_quiet": (lambda image, _e: print("hello") or image, "it printed 'hello"),
    "repeats": (Wild(), "the same seed gave other pixels"),
    "cancels": (
        lambda i, e: climb(i, Engine(e.common, pool=e.pool, listeners=e.listeners)),
        "it went on for 4 of 4 steps",
    ),
    "tiles": (
        lambda image, e: image.with_pixels(image.pixels * 0.5 if e.common.tile == "32" else image.pixels),
        "in tiles the picture differs by",
    ),
    "runs_in_bfloat16": (
        lambda image, e: image.resized(9, 9) if e.common.precision == "bfloat16" else image,
        "sizes [(9, 9)], and [(80, 64)] in float32",
    ),
}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_mode_that_breaks_a_rule_is_told_which_and_how(rule: str) -> None:
    body, message = BREAKS[rule]
    with pytest.raises(AssertionError) as caught:
        assert_mode_conforms(made(body), skip=only(rule))
    head, line = str(caught.value).splitlines()
    assert head == "the mode 'sample' does not conform:" and line.startswith(f"{rule}: {message}")


def test_what_cannot_be_planned_must_not_be_the_input() -> None:
    with pytest.raises(AssertionError, match="moves: its 2 steps change nothing"):
        assert_mode_conforms(made(thrown_away_unplanned), skip=only("moves"))
    with pytest.raises(AssertionError, match="moves: it gives back the picture that it was given"):
        assert_mode_conforms(made(lambda image, _e: image), skip=only("moves"))
    assert_mode_conforms(made(lambda image, _e: image.with_pixels(image.pixels / 2)), skip=only("moves"))


def test_levels_from_0_to_1_are_told() -> None:
    with pytest.raises(AssertionError, match=r"keeps_shape: grey levels from 0.* to .*: white is 255"):
        assert_mode_conforms(made(lambda i, _e: i.with_pixels(i.pixels / 255)), skip=only("keeps_shape"))


def test_a_film_keeps_nothing_from_frame_to_frame_but_the_frame() -> None:
    assert_mode_conforms(film(without), skip=only("goes_on"))
    with pytest.raises(AssertionError, match="goes_on: frame 1 is another in a film that goes on"):
        assert_mode_conforms(film(with_a_memory), skip=only("goes_on"))


def test_what_the_test_gets_wrong_is_refused_at_once() -> None:
    sound = made(climb)
    wrong: dict[str, dict[str, Any]] = {
        "no option 'step' in the mode 'sample'": {"options": {"step": 3}},
        "pictures are given by name": {"pictures": [picture()]},
        "takes no picture 'hint'": {"pictures": {"hint": picture()}},
        r"the picture 'image' is 'a\.png', not a Picture": {"pictures": {"image": "a.png"}},
        "checks are skipped by name, with a reason": {"skip": ["tiles"]},
        "bench is a Bench, not the function tiny_network": {"bench": tiny_network},
    }
    for message, arguments in wrong.items():
        with pytest.raises(UsageError, match=message):
            assert_mode_conforms(sound, **arguments)


def test_what_breaks_several_rules_is_said_once_with_its_line() -> None:
    def body(_image: Picture, _engine: Engine) -> Picture:
        raise ValueError("boom")

    rules = "rises, keeps_shape, is_quiet"
    with pytest.raises(AssertionError) as caught:
        assert_mode_conforms(made(body), skip=only(*rules.split(", ")))
    _, line = str(caught.value).splitlines()
    where = f"{__file__}, line {body.__code__.co_firstlineno + 1}"
    assert line == f"{rules}: unexpected ValueError in the mode 'sample' ({where}): boom"
    assert isinstance(caught.value.__cause__, ValueError)


def test_the_tiny_network_is_called_so() -> None:
    with pytest.raises(AssertionError, match="no layer 'block3_conv33' in the tiny network"):
        assert_mode_conforms(made(lambda i, e: climb(i, e, "block3_conv33")), skip=only("rises"))


def test_options_need_help_and_defaults() -> None:
    @mode("bare", api=1)
    def bare(image: Picture, engine: Engine, *, a: int = 1, b: Annotated[int, Option(help="B.")]) -> Picture:
        """Do something."""
        return image

    with pytest.raises(AssertionError, match="has_help: no help for --a"):
        assert_mode_conforms(bare, options={"b": 1}, skip=only("has_help"))


def test_a_plugin_that_imports_tensorflow_at_the_top_is_told(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "import tensorflow as tf\nfrom deepdream.api import Engine, Picture, mode\n"
    text += "@mode('heavy', api=1)\ndef heavy(image: Picture, engine: Engine) -> Picture:\n    'Do.'\n"
    (tmp_path / "heavy_mode.py").write_text(text + "    return image\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import heavy_mode  # type: ignore[import-not-found]

    with pytest.raises(AssertionError, match="loads_light: imports tensorflow at the top"):
        assert_mode_conforms(heavy_mode.heavy, skip=only("loads_light"))


def test_skipping_needs_a_known_check_and_a_reason() -> None:
    with pytest.raises(UsageError, match="no check 'raises'"):
        assert_mode_conforms(made(climb), skip={"raises": "it is too hard"})
    with pytest.raises(UsageError, match="without a reason"):
        assert_mode_conforms(made(climb), skip={"rises": " "})


# --- fixtures and own objectives -------------------------------------------------------------------


def test_the_tiny_network_has_the_layers_of_vgg16_and_always_the_same_weights(tiny_network: Bench) -> None:
    from deepdream import backbones

    tiny, real = backbones.get(str(tiny_network.common.model)), backbones.get("vgg16")
    for layer in real.layers:
        if layer.kind == "conv":
            ours = tiny.layer(layer.name)
            assert (ours.stride, ours.receptive_field) == (layer.stride, layer.receptive_field)
    seen = run_mode(made(lambda i, e: climb(i, e, steps=1)), picture(), bench=tiny_network)
    assert np.abs(seen.pixels - picture().pixels).mean() == pytest.approx(1.244, rel=0.02)


def test_the_command_fixture_runs_a_plugin_apart_from_the_users_settings(
    deepdream_command: Any, tmp_path: Any
) -> None:
    assert deepdream_command("plugins", "new", "ripples").code == 0
    done = deepdream_command("plugins", "list", "--json", plugins=["ripples.py"])
    assert "ripples" not in {it["mode"] for it in done.json["modes"]}, (
        "relative to where the tests were begun"
    )
    done = deepdream_command("plugins", "list", "--json", plugins=[tmp_path / "ripples.py"])
    assert "ripples" in {it["mode"] for it in done.json["modes"]}


def test_an_objective_of_ones_own_is_weighed_named_measured_and_climbed(tiny_network: Bench) -> None:
    def contrast(activations: Any, canvas: Any) -> Any:
        import tensorflow as tf

        return tf.math.reduce_std(activations["block2_conv2"]) + 0 * tf.reduce_mean(canvas)

    def nearness(activations: Any, canvas: Any, wanted: Any) -> Any:
        import tensorflow as tf

        return -tf.reduce_mean(tf.abs(activations["block1_conv2"] - wanted))

    other = picture(64, 48, seed=3)
    aim = obj.custom(
        "nearness",
        ["block1_conv2"],
        nearness,
        target=lambda probe: probe.features(other, probe.size)["block1_conv2"],
    )
    both = 2 * obj.custom("contrast", "block2_conv2", contrast) + 0.5 * aim
    assert str(both) == "2·contrast + 0.5·nearness" and both.layers == ("block2_conv2", "block1_conv2")
    steps: list[Any] = []
    run_mode(
        made(lambda i, e: e.ascend(i, both, steps=6, octaves=2)),
        picture(64, 48),
        listeners=[steps.append],
        bench=tiny_network,
    )
    assert steps[-1].terms["contrast"] > steps[6].terms["contrast"]


def test_an_objective_that_is_no_number_is_refused_in_one_line(tiny_network: Bench) -> None:
    wrong = obj.custom("everything", "block1_conv2", lambda a, x: a["block1_conv2"])
    with pytest.raises(Exception, match=r"the objective 'everything' must be one number"):
        run_mode(made(lambda i, e: e.ascend(i, wrong)), picture(), bench=tiny_network)
    with pytest.raises(UsageError, match="looks at no layer"):
        obj.custom("nothing", [], lambda a, x: 0)
