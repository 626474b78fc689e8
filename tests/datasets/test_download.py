"""A download ends with the whole right file or with none, whatever the mirrors do."""

import hashlib

import numpy as np
import pytest

from labkit.datasets import BrokenFileError, DownloadError
from labkit.datasets.download import Bar, fetch
from tests.datasets.server import Mirror, serve

CONTENT = np.random.default_rng(1).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def check(path):
    """Refuse any other content."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise BrokenFileError(f"{path.name} holds the wrong bytes")


def fetched(target, *mirrors, timeout_seconds=5.0):
    """Fetch `x.gz` from the mirrors."""
    return fetch([mirror.url + "x.gz" for mirror in mirrors], target, check, timeout_seconds)


def test_a_good_mirror_gives_the_file_and_leaves_no_other(tmp_path):
    """Folders on the way are made."""
    target = tmp_path / "a" / "b" / "x.gz"
    with serve(Mirror({"x.gz": CONTENT})) as mirror:
        assert fetched(target, mirror) == target
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["x.gz"]


def test_a_connection_that_breaks_is_resumed_where_it_broke(tmp_path):
    """Each try asks for the rest only."""
    with serve(Mirror({"x.gz": CONTENT}, cut_after=100_000)) as mirror:
        fetched(tmp_path / "x.gz", mirror)
    assert mirror.asked == [("x.gz", None), ("x.gz", "bytes=100000-"), ("x.gz", "bytes=200000-")]
    assert (tmp_path / "x.gz").read_bytes() == CONTENT


def test_a_later_program_resumes_what_an_earlier_one_left(tmp_path):
    """The `.part` file outlives the process."""
    (tmp_path / "x.gz.part").write_bytes(CONTENT[:123_456])
    with serve(Mirror({"x.gz": CONTENT})) as mirror:
        fetched(tmp_path / "x.gz", mirror)
    assert mirror.asked == [("x.gz", "bytes=123456-")]
    assert (tmp_path / "x.gz").read_bytes() == CONTENT


def test_a_complete_part_is_used_without_its_bytes_being_sent_again(tmp_path):
    """The mirror answers 416, nothing beyond; the check decides."""
    (tmp_path / "x.gz.part").write_bytes(CONTENT)
    with serve(Mirror({"x.gz": CONTENT})) as mirror:
        fetched(tmp_path / "x.gz", mirror)
    assert len(mirror.asked) == 1
    assert (tmp_path / "x.gz").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"other bytes", CONTENT + b"more"])
def test_a_part_that_does_not_fit_is_dropped_and_fetched_afresh(tmp_path, left):
    """What was left may come from another mirror or be damaged."""
    (tmp_path / "x.gz.part").write_bytes(left)
    with serve(Mirror({"x.gz": CONTENT})) as mirror:
        fetched(tmp_path / "x.gz", mirror)
    assert [wanted for _, wanted in mirror.asked] == [f"bytes={len(left)}-", None]
    assert (tmp_path / "x.gz").read_bytes() == CONTENT


def test_a_mirror_without_ranges_sends_the_whole_file_again(tmp_path):
    """Its answer of 200 replaces what was there."""
    (tmp_path / "x.gz.part").write_bytes(CONTENT[:1000])
    with serve(Mirror({"x.gz": CONTENT}, ranges=False)) as mirror:
        fetched(tmp_path / "x.gz", mirror)
    assert (tmp_path / "x.gz").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (Mirror({}), "it answered 404 Not Found"),
        (Mirror({}, status=503), "it answered 503 Service Unavailable"),
        (Mirror({"x.gz": b"<html>Log in to the hotel's network</html>"}), "holds the wrong bytes"),
        (Mirror({"x.gz": CONTENT}, cut_after=0), "the connection ended after 0 of 300,000 bytes"),
        (Mirror({"x.gz": CONTENT}, hangs=True), "it did not answer in time"),
    ],
    ids=["404", "503", "wrong bytes", "sends nothing", "hangs"],
)
def test_a_bad_mirror_is_left_for_the_next_and_told_of_if_there_is_none(tmp_path, bad, words):
    """The second mirror saves the download; without one, the error says what the first did."""
    with serve(bad), serve(Mirror({"x.gz": CONTENT})) as good:
        fetched(tmp_path / "good" / "x.gz", bad, good, timeout_seconds=0.5)
        assert (tmp_path / "good" / "x.gz").read_bytes() == CONTENT
        with pytest.raises(DownloadError, match=words) as caught:
            fetched(tmp_path / "bad" / "x.gz", bad, timeout_seconds=0.5)
    assert "x.gz could not be downloaded" in str(caught.value)
    assert bad.url in str(caught.value)
    assert not (tmp_path / "bad" / "x.gz").exists()


def test_a_computer_without_network_is_told_so(tmp_path):
    """A refused connection is one line for each mirror, and leaves nothing behind."""
    with pytest.raises(DownloadError, match="refused"):
        fetch(["http://127.0.0.1:9/x.gz"], tmp_path / "MNIST_data" / "x.gz", check)
    assert list(tmp_path.iterdir()) == []


def test_the_bar_fills_and_ends_full():
    """What a learner watches for the minute that the download takes."""
    bar = Bar("x.gz", 1_000_000)
    assert bar.line(250_000) == "x.gz [######                  ]  25 %  0.2 of 1.0 MB"
    assert bar.line(1_000_000) == "x.gz [########################] 100 %  1.0 of 1.0 MB"
    assert Bar("x.gz", None).line(250_000) == "x.gz  0.2 MB"
