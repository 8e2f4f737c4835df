from io import StringIO

import pytest

from skbudget._utils.progress import Progress


class Terminal(StringIO):
    def isatty(self):
        return True


def test_bar_on_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    progress = Progress(stream, {"a": 2, "nothing": 0, "b": 2})
    for name in ("a", "a", "b"):
        progress.count(name)
    progress.close()
    drawn = stream.getvalue().split("\r")
    assert "[##################------] 3/4" in drawn[-2]
    assert drawn[-2].rstrip("\x1b[K").endswith("b")
    assert drawn[-1] == "\x1b[K"
    assert "\n" not in stream.getvalue()


@pytest.mark.parametrize("kind", [StringIO, Terminal])
def test_lines_elsewhere(monkeypatch, kind):
    monkeypatch.setenv("TERM", "dumb")
    stream = kind()
    progress = Progress(stream, {"a": 2, "b": 100}, "rows", n_lines=2)
    progress.count("a")
    progress.count("b", 30)
    progress.count("b", 30)
    progress.count("b", 60)  # more than were planned
    progress.close()
    lines = stream.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "a: 1 of 2 rows done",
        "b: 60 of 100 rows done",
        "b: 100 rows done",
    ]
