"""What a person reads on standard error while the work runs."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import replace

import pytest

from deepdream.climb.engine import Step
from deepdream.console.progress import Bar, Lines, Pace, Progress, describe, duration, progress
from deepdream.console.streams import Voice
from deepdream.pictures.picture import Picture
from deepdream.silence import _parked


def test_what_is_left_of_a_film_is_judged_from_its_second_frame() -> None:
    clock = Clock()
    pace = Pace(clock)
    for done in (0.02, 0.06, 0.1):  # the first of ten frames, four times as long as the others
        assert pace.left(done, 1) is None
        assert pace.left(done) is None, "in the middle of a step of it"
        clock.now += 16
    assert pace.left(0.15, 2) is None
    clock.now += 10
    assert pace.left(0.25, 3) == pytest.approx(75)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def step(index: int, total: int = 10, done: float | None = None) -> Step:
    def never() -> Picture:
        raise AssertionError("nobody asked for the picture")

    return Step(
        octave=1 + (index > total // 2),
        octaves=2,
        index=index,
        total=total,
        objective=1234.5678,
        terms={"layer(a)": 1234.5678},
        seconds=0.314,
        done=index / total if done is None else done,
        size=(64, 48),
        snapshot=never,
    )


def voice_on(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **options: bool) -> Voice:
    monkeypatch.setattr(sys, "stderr", stream)
    return Voice(**options)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0312, "0.031 s"),
        (0.996, "1.0 s"),
        (3.14, "3.1 s"),
        (9.97, "10 s"),
        (59.6, "60 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (8100, "2 h 15 min"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_time_left_leaves_the_first_step_out() -> None:
    clock = Clock()
    pace = Pace(clock)
    clock.now += 30  # the first step loads and traces
    assert pace.left(0.1) is None
    clock.now += 2
    assert pace.left(0.2) == pytest.approx(16)
    clock.now += 2
    assert pace.left(0.3) == pytest.approx(14)
    assert pace.left(1.0) == 0


def test_a_step_names_octave_step_objective_pace_and_time_left() -> None:
    assert describe(step(4), 75.2) == "octave 1/2  step 4/10  objective 1235  0.31 s/step  75 s left"
    assert "left" not in describe(step(10), 0.0)


def test_a_step_names_the_frame_the_part_or_the_further_climb_it_belongs_to() -> None:
    said = [
        describe(replace(step(4), part=part, parts=parts, unit=unit), None).split("  ")[0]
        for part, parts, unit in ((2, 9, "part"), (1, 1, "climb"), (2, 1, "climb"))
    ]
    assert said == ["part 2/9", "octave 1/2", "climb 2"]
    framed = replace(step(10), part=2, parts=2, unit="part", frame=3, frames=8)
    assert describe(framed, 9.0).startswith("frame 3/8  part 2/2  octave 2/2  step 10/10")
    assert describe(framed, 12.0).endswith("12 s left"), "there are more frames"
    assert describe(replace(framed, parts=1, part=1), None).startswith("frame 3/8  octave 2/2")


def test_the_time_left_begins_anew_with_a_further_climb() -> None:
    clock = Clock()
    pace = Pace(clock)
    for done in (0.5, 1.0):
        clock.now += 10
        pace.left(done)
    assert pace.left(0.1) is None
    clock.now += 2
    assert pace.left(0.2) == pytest.approx(16)


def test_plain_lines_come_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock = io.StringIO(), Clock()
    lines = Lines(voice_on(monkeypatch, stream), every=5, clock=clock)
    with lines:
        for index in range(1, 11):
            clock.now += 2
            lines(step(index))
    said = stream.getvalue().splitlines()
    assert [line.split()[3] for line in said] == ["3/10", "6/10", "9/10"]
    assert "\x1b" not in stream.getvalue()
    assert said[0].endswith("14 s left")


def test_the_bar_shows_progress_and_clears_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    voice = voice_on(monkeypatch, stream)
    shown = progress(voice, "cat.jpg")
    assert isinstance(shown, Bar)
    with shown:
        voice.note("a [bold] stand-in")
        shown(step(5))
        shown._live.refresh()
    voice.say("done")
    text = stream.getvalue()
    assert "loading the network" in text
    assert "note: a [bold] stand-in" in text
    assert "cat.jpg" in text and "50%" in text and "step 5/10" in text
    assert text.endswith("done\n")


def test_the_bar_fits_a_terminal_of_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    stream = Terminal()
    clock = Clock()
    with progress(voice_on(monkeypatch, stream), "a very long name of a picture.jpg") as shown:
        assert isinstance(shown, Bar)
        shown._pace = Pace(clock)
        for index in (1000, 1001):
            clock.now += 50
            shown(step(index, 9999))
        shown._live.refresh()
    assert "octave 1/2 step 1001/9999 objective 1235 0.31 s/step" in stream.getvalue()
    assert "left" in stream.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn() -> str:
        stream = Terminal()
        with progress(voice_on(monkeypatch, stream), "cat.jpg") as shown:
            shown(step(5))
        return stream.getvalue()

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[38;5;" in drawn() or "\x1b[3" in drawn()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in drawn()


@pytest.mark.parametrize(("term", "kind"), [("dumb", Lines), ("", Lines), ("xterm", Bar)])
def test_a_bar_needs_a_terminal_that_can_draw(
    monkeypatch: pytest.MonkeyPatch, term: str, kind: type[Progress]
) -> None:
    monkeypatch.setenv("TERM", term)
    assert type(progress(voice_on(monkeypatch, Terminal()), "")) is kind
    assert type(progress(voice_on(monkeypatch, io.StringIO()), "")) is Lines


def test_quiet_leaves_errors_only(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    voice = voice_on(monkeypatch, stream, quiet=True, verbose=True)
    with progress(voice, "cat.jpg") as shown:
        shown(step(1))
    voice.say("a")
    voice.note("b")
    voice.detail("c")
    voice.error("no layer\n'x'", "none")
    assert stream.getvalue() == "error: no layer 'x'\nhint: none\n"


def test_only_verbose_gives_details(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    voice_on(monkeypatch, stream).detail("a")
    assert stream.getvalue() == ""
    voice_on(monkeypatch, stream, verbose=True).detail("a")
    assert stream.getvalue() == "a\n"


def test_nobody_listening_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        voice = voice_on(monkeypatch, stream)  # type: ignore[arg-type]
        voice.say("hello")
        voice.say("is anybody there")
        assert voice.stream is None
        voice.close()
    monkeypatch.setattr(sys, "stderr", None)
    Voice().say("hello")


def test_what_is_said_while_stderr_is_parked_still_arrives(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open(2, "w", closefd=False) as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        voice = Voice()
        with _parked(2) as file:
            os.write(2, b"chatter\n")
            voice.say("ours")
            file.seek(0)
            assert file.read() == b"chatter\n"
        os.write(2, b"after\n")
        voice.close()
        monkeypatch.undo()
    assert capfd.readouterr().err == "ours\nafter\n"


def test_a_long_step_shows_the_time_left_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock = io.StringIO(), Clock()
    with Lines(voice_on(monkeypatch, stream), every=5.0, clock=clock) as lines:
        for tile in range(1, 5):
            lines.pulse(tile / 100)
            clock.now += 3
    assert stream.getvalue().splitlines() == ["3% done  4 min 51 s left"]
