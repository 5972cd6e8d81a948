"""Downloads: whole or not at all, from wherever the bytes can be had, and with the key only where it belongs."""

from __future__ import annotations

import hashlib

import pytest
import requests

from sora2_provider.compat import AirflowException, AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import InvalidParameter
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from tests.unit.link_hosts import FILE_BYTES

pytestmark = pytest.mark.usefixtures("pauses")


def download(video_id, path, **options):
    return Sora2DownloadVideoOperator(task_id="download", video_id=video_id, path=str(path), **options)


def the_file(emulator, video_id):
    """The file as the gateway has it, fetched by other means."""
    headers = {"Authorization": "Bearer sk-other"}
    answer = requests.get(f"{emulator.url}/v1/videos/{video_id}/content", headers=headers, timeout=20)
    return answer.content


def asked(emulator, *routes):
    return [request for request in emulator.requests if request.route in routes]


def test_it_returns_the_uri_and_pushes_size_sha256_and_type(big, video_id, context, ti, tmp_path):
    path = tmp_path / "new" / "folder" / "cat.mp4"
    uri = download(video_id, path).execute(context)
    stored = path.read_bytes()
    assert uri == f"file://{path}"
    assert stored == the_file(big, video_id)
    assert {name: ti.xcoms[name] for name in ("size", "sha256", "content_type")} == {
        "size": len(stored),
        "sha256": hashlib.sha256(stored).hexdigest(),
        "content_type": "video/mp4",
    }
    assert [one.name for one in path.parent.iterdir()] == ["cat.mp4"]


def test_the_dict_of_the_sensor_stands_for_its_id(big, video_id, context, tmp_path):
    download({"id": video_id, "status": "completed"}, tmp_path / "cat.mp4").execute(context)
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES


@pytest.mark.parametrize("nothing", [None, "", "None", {}])
def test_an_earlier_task_that_returned_nothing_is_named(big, context, tmp_path, nothing):
    with pytest.raises(InvalidParameter, match="video_id.*returned nothing"):
        download(nothing, tmp_path / "cat.mp4").execute(context)


def test_a_folder_names_the_file_after_the_id_without_a_way_out_of_it(big, context, tmp_path):
    big.settings(dialect="unified")
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    assert ":" in video_id
    uri = download(video_id, f"{tmp_path}/").execute(context)
    digest = hashlib.sha256(video_id.encode()).hexdigest()[:8]
    assert uri == f"file://{tmp_path}/{video_id.replace(':', '_')}-{digest}.mp4"


CUTS = {
    "cut by the proxy": {"cut_after": 100_000, "times": 3},
    "cut at once": {"cut_after": 0, "times": 2},
    "cut within the first bytes": {"cut_after": 10, "times": 2},
    "reset": {"reset": "before", "times": 2},
    "too many requests": {"status": 429, "times": 2},
    "a page of the proxy": {"status": 502, "html": True, "times": 2},
}


@pytest.mark.parametrize("fault", CUTS.values(), ids=CUTS)
def test_a_transfer_that_breaks_goes_on_where_it_stopped(big, video_id, context, tmp_path, fault):
    big.fault(route="file", **fault)
    path = tmp_path / "cat.mp4"
    download(video_id, path).execute(context)
    assert path.read_bytes() == the_file(big, video_id)
    ranges = [request.headers.get("range") for request in asked(big, "file")]
    if fault.get("cut_after", 0) > 1000:
        assert ranges[0] is None
        assert all(one and one.startswith("bytes=") for one in ranges[1:])


def test_retry_after_is_obeyed(big, video_id, context, tmp_path, pauses):
    big.fault(route="file", status=429, headers={"Retry-After": "37"})
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert pauses == [37.0]


def test_a_transfer_that_never_gets_on_ends_in_a_retryable_error_and_leaves_nothing(big, video_id, context, tmp_path):
    big.fault(route="file", status=503, times=None)
    with pytest.raises(AirflowException) as caught:
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert not isinstance(caught.value, AirflowFailException)
    assert list(tmp_path.iterdir()) == []


def test_an_expired_link_is_replaced_by_a_fresh_one(big, video_id, context, tmp_path):
    big.fault(route="query", link="expired")
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert (tmp_path / "cat.mp4").read_bytes() == the_file(big, video_id)
    assert [request.status for request in asked(big, "file")] == [403, 200]


def test_links_that_stay_dead_lead_to_the_content_route(big, video_id, context, tmp_path):
    big.fault(route="file", status=404, times=None)
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert asked(big, "content")[0].status == 200
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES


def test_a_gateway_without_links_is_asked_for_the_content(big, video_id, context, tmp_path):
    big.settings(dialect="openai")
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert asked(big, "file") == []
    assert (tmp_path / "cat.mp4").read_bytes() == the_file(big, video_id)


def test_a_content_route_that_names_a_link_is_followed(big, video_id, context, tmp_path):
    link = requests.get(
        f"{big.url}/v1/video/query?id={video_id}", headers={"Authorization": "Bearer sk-x"}, timeout=20
    ).json()["video_url"]
    big.settings(dialect="openai")
    big.fault(route="content", body={"id": video_id, "video_url": link})
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES


NO_VIDEOS = {
    "a page": {"html": True},
    "a JSON error": {"body": {"error": {"message": "link expired"}}},
    "a text that is called a video": {"body": "Sorry, this file is gone.", "content_type": "video/mp4"},
    "JSON that is called a video": {"body": '{"error": "gone"}', "content_type": "video/mp4"},
}


@pytest.mark.parametrize("fault", NO_VIDEOS.values(), ids=NO_VIDEOS)
def test_a_body_that_is_no_video_is_never_stored(big, video_id, context, tmp_path, fault):
    for route in ("file", "content"):
        big.fault(route=route, times=None, **fault)
    with pytest.raises(AirflowException):
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert list(tmp_path.iterdir()) == []


def test_a_video_with_a_wrong_content_type_is_stored_all_the_same(big, video_id, context, ti, tmp_path):
    big.fault(route="file", content_type="text/plain")
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert ti.xcoms["content_type"] == "video/mp4"


def test_a_file_that_changes_under_way_is_not_stitched_together(big, video_id, context, tmp_path):
    big.fault(route="file", cut_after=100_000)
    big.fault(route="file", body="\0\0\0\x18ftypmp42" + "x" * 500_000, content_type="video/mp4")
    with pytest.raises(AirflowException, match="changed") as caught:
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert not isinstance(caught.value, AirflowFailException)
    assert list(tmp_path.iterdir()) == []


def test_a_video_that_is_not_ready_is_left_to_a_retry(big, context, tmp_path):
    big.settings(render_seconds=100)
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    with pytest.raises(AirflowException, match="Sora2VideoSensor") as caught:
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_a_failed_video_has_no_file_and_no_retry(big, video_id, context, tmp_path):
    big.fail(video_id, "content_policy_violation", "real person detected")
    with pytest.raises(AirflowFailException, match="real person detected"):
        download(video_id, tmp_path / "cat.mp4").execute(context)


def test_if_exists_decides_about_a_file_that_is_there(big, video_id, context, ti, tmp_path):
    path = tmp_path / "cat.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42 the old one")
    asked_before = len(big.requests)

    kept = download(video_id, path, if_exists="skip").execute(context)
    assert kept == f"file://{path}"
    assert ti.xcoms["size"] == path.stat().st_size
    assert ti.xcoms["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ti.xcoms["content_type"] == "video/mp4"
    with pytest.raises(AirflowFailException, match="exists"):
        download(video_id, path, if_exists="fail").execute(context)
    assert len(big.requests) == asked_before
    assert path.read_bytes().endswith(b"the old one")

    download(video_id, path, if_exists="replace").execute(context)
    assert path.stat().st_size == FILE_BYTES
    with pytest.raises(InvalidParameter, match="replace, skip, fail"):
        download(video_id, path, if_exists="maybe").execute(context)


def test_a_failed_download_leaves_the_old_file_as_it_was(big, video_id, context, tmp_path):
    path = tmp_path / "cat.mp4"
    path.write_bytes(b"the old one")
    big.fault(route="file", cut_after=100_000, times=1)
    big.fault(route="file", status=503, times=None)
    with pytest.raises(AirflowException):
        download(video_id, path).execute(context)
    assert path.read_bytes() == b"the old one"
    assert [one.name for one in tmp_path.iterdir()] == ["cat.mp4"]


def test_no_redirect_carries_the_key_not_even_one_to_the_gateway_itself(gateway, context, tmp_path):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    link = Sora2Hook().get_video(video_id).url
    gateway.fault(route="file", redirect=f"{link}&again=1")
    download(video_id, tmp_path / "cat.mp4").execute(context)
    fetched = [request.has_authorization for request in gateway.requests if request.route == "file"]
    assert fetched == [True, False]


def test_the_key_never_goes_to_another_host(connect, context, tmp_path):
    with Emulator(canned=True) as home, Emulator(canned=True) as foreign:
        connect(foreign.url)
        foreign_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
        answer = requests.get(
            f"{foreign.url}/v1/video/query?id={foreign_id}", headers={"Authorization": "Bearer sk-x"}, timeout=20
        )
        foreign_link = answer.json()["video_url"]

        connect(home.url, extra_headers='{"X-Secret": "also-secret"}')
        home_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
        home.fault(route="query", body={"id": home_id, "status": "completed", "video_url": foreign_link})
        download(home_id, tmp_path / "link.mp4").execute(context)

        home.fault(route="file", redirect=foreign_link)
        download(home_id, tmp_path / "redirect.mp4").execute(context)

        home.settings(dialect="openai")
        home.fault(route="content", redirect=foreign_link)
        download(home_id, tmp_path / "content.mp4").execute(context)

        fetched = [request for request in foreign.requests if request.route == "file"]
        assert len(fetched) == 3
        assert all(not request.has_authorization for request in fetched)
        assert all("x-secret" not in request.headers for request in fetched)
        to_the_gateway = [request for request in home.requests if request.route in ("content", "file")]
        assert to_the_gateway
        assert all(request.has_authorization for request in to_the_gateway)
        assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://example.com/x.mp4", "javascript:alert(1)"])
def test_a_redirect_to_anything_but_http_is_refused(big, video_id, context, tmp_path, target):
    for route in ("file", "content"):
        big.fault(route=route, redirect=target, times=None)
    with pytest.raises(AirflowException, match="no http"):
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_loop_ends(big, video_id, context, tmp_path):
    for route in ("file", "content"):
        big.fault(route=route, redirect=f"{big.url}/v1/videos/{video_id}/content", times=None)
    with pytest.raises(AirflowException, match="redirects more than"):
        download(video_id, tmp_path / "cat.mp4").execute(context)


def served_without_length(body: bytes):
    return b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n" + body


@pytest.mark.parametrize("cut", [0, 1, 500])
def test_without_a_length_the_boxes_of_the_mp4_tell_whether_it_is_whole(gateway, context, tmp_path, cut):
    from tests.unit.test_client import OneAnswer

    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    whole = the_file(gateway, video_id)
    with OneAnswer(served_without_length(whole[: len(whole) - cut])) as server:
        answer = {"id": video_id, "status": "completed", "video_url": f"{server.url}/cat.mp4"}
        gateway.fault(route="query", body=answer, times=None)
        operator = download(video_id, tmp_path / "cat.mp4")
        if cut:
            with pytest.raises(AirflowException, match="in the middle of an MP4"):
                operator.execute(context)
            assert list(tmp_path.iterdir()) == []
        else:
            operator.execute(context)
            assert (tmp_path / "cat.mp4").read_bytes() == whole


PICTURES = {
    "a JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF", "application/octet-stream"),
    "an archive": (b"PK\x03\x04\0\0", "video/mp4"),
    "an AVIF": (b"\0\0\0\x1cftypavif", "video/mp4"),
    "bytes that are called a picture": (b"\0\1\2\3", "image/png"),
}


@pytest.mark.parametrize(("head", "declared"), PICTURES.values(), ids=PICTURES)
def test_first_bytes_that_are_no_video_are_refused(head, declared):
    from sora2_provider.gateway.download.media_types import is_video

    assert not is_video(head + b"\0" * 2000, declared)


def test_a_link_that_google_cloud_storage_calls_expired_is_renewed(big, video_id, context, tmp_path):
    expired = "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>The token is expired.</Message></Error>"
    big.fault(route="file", status=400, body=expired, content_type="application/xml")
    download(video_id, tmp_path / "cat.mp4").execute(context)
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_query_that_is_refused_once_leaves_the_download_to_a_retry(big, video_id, context, tmp_path, status):
    big.fault(route="query", status=status, body={"error": {"message": "not now"}})
    with pytest.raises(AirflowException, match="Downloads cost nothing") as caught:
        download(video_id, tmp_path / "cat.mp4").execute(context)
    assert not isinstance(caught.value, AirflowFailException)


def test_a_storage_that_is_no_object_store_gets_a_temporary_name():
    import fsspec

    try:
        from airflow.sdk.io import attach
    except ImportError:  # Airflow 2.11
        from airflow.io.store import attach

    from sora2_provider.storage import Target

    attach(protocol="memory", fs=fsspec.filesystem("memory"))
    target = Target.parse("memory://videos/cat.mp4", video_id=None)
    target.write(lambda file: file.write(b"the old one"))

    def half(file):
        file.write(b"half")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        target.write(half)
    assert b"".join(target.read()) == b"the old one"
    assert len(target.filesystem.ls("/videos", detail=False)) == 1


def test_two_ids_never_become_one_file_name():
    from sora2_provider.storage import file_name

    ids = ["a:b", "a_b", "a/b", "../a_b", "x" * 200 + "1", "x" * 200 + "2", "视频"]
    names = [file_name(one) for one in ids]
    assert len(set(names)) == len(ids)
    assert all("/" not in name and not name.startswith(".") for name in names)
    assert file_name("video_123456") == "video_123456.mp4"
