"""Downloads: whole or not at all, from wherever the bytes can be had, and with the key only where it belongs."""

from __future__ import annotations

import hashlib

import pytest
import requests

from sora2_provider.compat import AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.exceptions import InvalidParameter, Sora2Error
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from tests.exact_errors import raises_exactly
from tests.unit.link_hosts import FILE_BYTES, LinkHost

pytestmark = pytest.mark.usefixtures("pauses")


def download(video_id, path, **options):
    return Sora2DownloadVideoOperator(task_id="download", video_id=video_id, path=str(path), **options)


def the_file(emulator, video_id):
    """The file as the gateway has it, fetched by other means."""
    headers = {"Authorization": "Bearer sk-other"}
    return requests.get(f"{emulator.url}/v1/videos/{video_id}/content", headers=headers, timeout=20).content


def asked(emulator, *routes):
    return [request for request in emulator.requests if request.route in routes]


def test_it_returns_the_uri_and_pushes_size_sha256_and_type_whatever_the_server_calls_it(
    big, video_id, context, ti, tmp_path
):
    big.fault(route="file", content_type="text/plain")
    path = tmp_path / "new" / "folder" / "cat.mp4"
    uri = download({"id": video_id, "status": "completed"}, path).execute(context)  # what the sensor returns
    stored = path.read_bytes()
    assert uri == f"file://{path}"
    assert stored == the_file(big, video_id)
    assert {name: ti.xcoms[name] for name in ("size", "sha256", "content_type")} == {
        "size": len(stored),
        "sha256": hashlib.sha256(stored).hexdigest(),
        "content_type": "video/mp4",
    }
    assert [one.name for one in path.parent.iterdir()] == ["cat.mp4"]


@pytest.mark.parametrize("nothing", [None, "", "None", {}])
def test_an_earlier_task_that_returned_nothing_is_named(big, context, tmp_path, nothing):
    with pytest.raises(InvalidParameter, match="video_id.*returned nothing"):
        download(nothing, tmp_path / "cat.mp4").execute(context)


def test_a_folder_names_the_file_after_the_id_without_a_way_out_of_it(big, context, tmp_path):
    big.settings(shape="unified")
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
def test_a_transfer_that_breaks_goes_on_where_it_stopped(big, video_id, fetch, fault):
    big.fault(route="file", **fault)
    assert fetch() == the_file(big, video_id)
    ranges = [request.headers.get("range") for request in asked(big, "file")]
    if fault.get("cut_after", 0) > 1000:
        assert ranges[0] is None
        assert all(one and one.startswith("bytes=") for one in ranges[1:])


def test_retry_after_is_obeyed(big, fetch, pauses):
    big.fault(route="file", status=429, headers={"Retry-After": "37"})
    fetch()
    assert pauses == [37.0]


GOOGLES_EXPIRED = (
    "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>The token is expired.</Message></Error>"
)
#: Faults, and what is fetched in which order.
DEAD_LINKS = {
    "a link that has expired": ({"route": "query", "link": "expired"}, ["file 403", "file 200"]),
    "a link that Google Cloud Storage calls expired": (
        {"route": "file", "status": 400, "body": GOOGLES_EXPIRED, "content_type": "application/xml"},
        ["file 400", "content 200"],
    ),
    "a link that has nothing to serve": ({"route": "file", "status": 416}, ["file 416", "content 200"]),
    "a link that stays dead": ({"route": "file", "status": 404, "times": None}, ["file 404", "content 200"]),
}


@pytest.mark.parametrize(("fault", "fetched"), DEAD_LINKS.values(), ids=DEAD_LINKS)
def test_instead_of_a_dead_link_a_fresh_one_is_used_and_then_the_content_route(big, video_id, fetch, fault, fetched):
    big.fault(**fault)
    stored = fetch()
    assert [f"{request.route} {request.status}" for request in asked(big, "file", "content")] == fetched
    assert stored == the_file(big, video_id)


@pytest.mark.parametrize("names_link", [False, True])
def test_a_gateway_without_links_is_asked_for_the_content_which_may_name_a_link(big, video_id, fetch, names_link):
    link = Sora2Hook().get_video(video_id).url
    big.settings(shape="openai")
    if names_link:
        big.fault(route="content", body={"id": video_id, "video_url": link})
    stored = fetch()
    assert [request.route for request in asked(big, "file", "content")] == ["content", "file"][: 1 + names_link]
    assert stored == the_file(big, video_id)


CALLED_A_VIDEO = {"content_type": "video/mp4", "times": None}
#: Faults of the link and of the content route, one after the other, and what the error says.
NO_FILES = {
    "a file that is never served": ([{"status": 503, "times": None}], "HTTP 503"),
    "a page": ([{"html": True, "times": None}], "web page"),
    "a JSON error": ([{"body": {"error": {"message": "link expired"}}, "times": None}], "link expired"),
    "a text that is called a video": ([{**CALLED_A_VIDEO, "body": "Sorry, this file is gone."}], "no video"),
    "JSON that is called a video": ([{**CALLED_A_VIDEO, "body": '{"error": "gone"}'}], "gone"),
    "no server after the first bytes": ([{"cut_after": 100_000}, {"status": 503, "times": None}], "HTTP 503"),
    **{
        f"a redirect to {target}": ([{"redirect": target, "times": None}], "no http")
        for target in ("file:///etc/passwd", "ftp://example.com/x.mp4", "javascript:alert(1)")
    },
    "a redirect to itself": ([{"redirect": "{route}", "times": None}], "redirects more than"),
}


@pytest.mark.parametrize(("faults", "said"), NO_FILES.values(), ids=NO_FILES)
def test_without_a_video_the_old_file_stays_as_it_was_and_the_download_is_left_to_a_retry(
    big, video_id, fetch, tmp_path, faults, said
):
    (tmp_path / "cat.mp4").write_bytes(b"the old one")
    content_route = f"{big.url}/v1/videos/{video_id}/content"
    for fault in faults:
        target = {"redirect": fault["redirect"].format(route=content_route)} if "redirect" in fault else {}
        for route in ("file", "content"):
            big.fault(route=route, **{**fault, **target})
    with raises_exactly(Sora2Error, match=said):
        fetch()
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("cat.mp4", b"the old one")]


def test_a_video_that_is_not_ready_is_left_to_a_retry_and_one_that_failed_is_not(big, context, tmp_path):
    big.settings(render_seconds=100)
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    with raises_exactly(Sora2Error, match="Sora2VideoSensor"):
        download(video_id, tmp_path / "cat.mp4").execute(context)
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


def test_no_redirect_carries_the_key_not_even_one_to_the_gateway_itself(big, video_id, fetch):
    big.fault(route="file", redirect=f"{Sora2Hook().get_video(video_id).url}&again=1")
    fetch()
    assert [request.has_authorization for request in asked(big, "file")] == [True, False]


def test_the_key_never_goes_to_another_host(connect, context, tmp_path):
    with Emulator(canned=True) as home, Emulator(canned=True) as foreign:
        connect(foreign.url)
        foreign_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
        foreign_link = Sora2Hook().get_video(foreign_id).url

        connect(home.url, extra_headers='{"X-Secret": "also-secret"}')
        home_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
        home.fault(route="query", body={"id": home_id, "status": "completed", "video_url": foreign_link})
        download(home_id, tmp_path / "link.mp4").execute(context)

        home.fault(route="file", redirect=foreign_link)
        download(home_id, tmp_path / "redirect.mp4").execute(context)

        home.settings(shape="openai")
        home.fault(route="content", redirect=foreign_link)
        download(home_id, tmp_path / "content.mp4").execute(context)

        fetched = asked(foreign, "file")
        assert len(fetched) == 3
        assert not any(request.has_authorization or "x-secret" in request.headers for request in fetched)
        to_the_gateway = asked(home, "content", "file")
        assert to_the_gateway
        assert all(request.has_authorization for request in to_the_gateway)
        assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize("cut", [0, 1, 500])
def test_without_a_length_the_boxes_of_the_mp4_tell_whether_it_is_whole(gateway, context, tmp_path, cut):
    video_id = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
    whole = the_file(gateway, video_id)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n\r\n"
    with LinkHost(head + whole[: len(whole) - cut]) as server:
        answer = {"id": video_id, "status": "completed", "video_url": f"{server.url}/cat.mp4"}
        gateway.fault(route="query", body=answer, times=None)
        operator = download(video_id, tmp_path / "cat.mp4")
        if cut:
            with raises_exactly(Sora2Error, match="in the middle of an MP4"):
                operator.execute(context)
            assert list(tmp_path.iterdir()) == []
        else:
            operator.execute(context)
            assert (tmp_path / "cat.mp4").read_bytes() == whole


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_query_that_is_refused_once_leaves_the_download_to_a_retry(big, fetch, status):
    big.fault(route="query", status=status, body={"error": {"message": "not now"}})
    with raises_exactly(Sora2Error, match="Downloads cost nothing"):
        fetch()


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
