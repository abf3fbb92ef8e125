"""Times as people write them."""

import pytest

from deepdream.errors import UsageError
from deepdream.jobs.durations import seconds_in


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("60s", 60),
        (" 1.5m ", 90),
        ("1h30m", 5400),
        ("2 min 5 s", 125),
        (".5s", 0.5),
        ("1H", 3600),
        ("1h30", 3630),
    ],
)
def test_times_are_read(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5", "s", "5x", "1 2", "nan", "inf", "60s!", "1e3"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        seconds_in(text)
