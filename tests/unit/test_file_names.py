"""Ids are the gateway's words: none leads out of the folder that a video is stored in."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sora2_provider.storage import Target, file_name

PIECES = st.sampled_from(
    ["..", "/", "\\", ".", "~", "\0", "\n", "%2e%2e%2f", "C:", "a", "-", " ", "视", "\ud800", "?", "#"]
)
IDS = st.one_of(
    st.lists(PIECES, min_size=1, max_size=12).map("".join),
    st.text(st.characters(), min_size=1),
    st.from_regex(r"[\w.:-]{1,300}"),
)


@settings(deadline=None, max_examples=500)
@given(IDS)
@example("../../etc/passwd")
@example("..")
@example("...mp4")
@example("\ud800")
@example("x" * 10_000)
def test_no_id_becomes_more_than_a_name(video_id):
    name = file_name(video_id)
    assert name == Path(name).name == PureWindowsPath(name).name
    assert name.isascii()
    assert name.isprintable()
    assert not name.startswith(".")
    assert name.endswith(".mp4")
    assert len(name) <= 200
    assert not set(name) & set('/\\:%?#~ *"<>|')


@settings(deadline=None, max_examples=300)
@given(IDS, IDS)
@example("a:b", "a_b")
@example("a/b", "../a_b")
@example("x" * 200 + "1", "x" * 200 + "2")
def test_two_ids_become_two_names(one, other):
    assert (file_name(one) == file_name(other)) is (one == other)


def test_what_can_be_a_name_is_kept_and_two_dots_in_it_are_no_way_out():
    assert file_name("video_123456") == "video_123456.mp4"
    assert Target.parse("/data/cat..mp4", video_id=None).uri == "file:///data/cat..mp4"


@settings(deadline=None, max_examples=50)
@given(IDS)
def test_a_folder_keeps_its_video(video_id):
    target = Target.parse("/data/videos/", video_id=video_id)
    assert Path(target.uri.removeprefix("file://")).parent == Path("/data/videos")


OUTSIDE = [
    "/data/videos/../../etc/cron.d/x.mp4",
    "file:///data/../x.mp4",
    "s3://bucket/videos/../../x.mp4",
    "/data/videos/..",
    "/data/videos/../",
    "/data/videos/..\\x.mp4",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_an_id_was_templated_into_leads_nowhere_else(path):
    with pytest.raises(ValueError, match=r"leave out the '\.\.'"):
        Target.parse(path, video_id="video_1")
