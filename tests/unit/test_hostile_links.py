"""Links are hostile input: none leads into the network that Airflow runs in, and none gets the key."""

from __future__ import annotations

import dataclasses

import pytest
import requests

from sora2_provider.compat import AirflowFailException
from sora2_provider.emulator import Emulator
from sora2_provider.gateway.client import Sora2Client
from sora2_provider.gateway.errors import GatewayError, InternalAddress
from sora2_provider.gateway.settings import GatewaySettings
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator
from tests.unit.link_hosts import FILE_BYTES, GATEWAY, INSIDE, PUBLIC, LinkHost, answer
from tests.unit.test_download import asked, download, the_file

pytestmark = pytest.mark.usefixtures("pauses")

KEY = b"sk-secret-of-the-tests-4711"


@pytest.fixture
def inside():
    with LinkHost(answer(b"\0\0\0\x18ftypmp42" + b"secret " * 100)) as host:
        yield host


def gives_link(gateway, video_id, link, **options):
    body = {"id": video_id, "status": "completed", "video_url": link}
    gateway.fault(route="query", body=body, **{"times": None, **options})


def moved(target):
    return answer(b"", f"Location: {target}", status="302 Found")


HOSTS = {
    "loopback": ("127.0.0.3", "loopback"),
    "in decimal": ("2130706435", "loopback"),
    "in hexadecimal": ("0x7f000003", "loopback"),
    "in octal": ("0177.0.0.3", "loopback"),
    "shortened": ("127.3", "loopback"),
    "mapped into IPv6": ("[::ffff:127.0.0.3]", "loopback"),
    "a name that resolves to it": ("films.example.com", "loopback"),
    "a name of which one address is internal": ("both.example.com", "loopback"),
    "the unspecified address": ("0.0.0.0", "unspecified"),
    "a private address": ("10.11.12.13", "private"),
    "the cloud's metadata": ("169.254.169.254", "cloud metadata"),
}


@pytest.fixture
def names(network):
    network.names = {"films.example.com": [INSIDE], "both.example.com": [INSIDE, PUBLIC]}
    return network


@pytest.mark.parametrize(("host", "kind"), HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("by", ["link", "redirect", "content route"])
def test_no_link_leads_to_an_internal_address(big, video_id, tmp_path, names, inside, host, kind, by, fetch):
    link = f"http://{host}:{inside.port}/cat.mp4"
    if by == "content route":
        big.settings(shape="openai")
        big.fault(route="content", redirect=requests.Request("GET", link).prepare().url, times=None)
    else:
        big.fault(route="content", status=404, times=None)
    with LinkHost(moved(link), address=PUBLIC) as public:
        if by != "content route":
            gives_link(big, video_id, link if by == "link" else f"{public.url}/cat.mp4")
        with pytest.raises(AirflowFailException) as caught:
            fetch()
    said = str(caught.value)
    assert f"a {kind} address" in said
    assert "Allow internal links (extra.allow_internal_links)" in said
    assert list(tmp_path.iterdir()) == []
    assert inside.connections == 0


@pytest.mark.parametrize("host", [INSIDE, "１２７.0.0.3", "a" * 70 + ".example"])
def test_the_content_route_serves_what_a_link_that_is_refused_or_unusable_does_not(
    big, video_id, network, inside, host, fetch
):
    whole = the_file(big, video_id)
    gives_link(big, video_id, f"http://{host}:{inside.port}/cat.mp4")
    big.fault(route="file", status=404, times=None)
    assert fetch() == whole
    assert inside.connections == 0


def test_links_that_differ_each_time_are_not_tried_for_ever(big, video_id, tmp_path, network, inside, fetch):
    for n in range(5):
        gives_link(big, video_id, f"{inside.url}/{n}.mp4", times=1)
    fetch()
    assert len(asked(big, "query")) == 2
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_socket_counts_and_not_the_name(big, video_id, network, inside, scheme, fetch):
    """A name that is public when it is looked at, and internal when it is connected to."""
    network.names["films.example.com"] = [PUBLIC, INSIDE]
    big.fault(route="content", status=404, times=None)
    gives_link(big, video_id, f"{scheme}://films.example.com:{inside.port}/cat.mp4")
    with pytest.raises(AirflowFailException, match="films.example.com, which is 127.0.0.3: a loopback address"):
        fetch()
    assert inside.connections == 1
    assert inside.heads == []


def test_a_name_that_moves_inside_gets_no_resumed_request(big, video_id, network, fetch):
    whole = the_file(big, video_id)
    with LinkHost(answer(whole[:100_000], length=len(whole)), address=PUBLIC) as public:
        # Asked twice for each connection: before it, and for it.
        network.names["films.example.com"] = [PUBLIC, PUBLIC, INSIDE]
        gives_link(big, video_id, f"http://films.example.com:{public.port}/cat.mp4")
        assert fetch() == whole
    assert public.connections == 1
    assert public.heads[0].startswith(b"GET /cat.mp4 ")
    assert asked(big, "content")[-1].headers["range"] == "bytes=83616-"


def test_a_renewed_link_is_looked_at_as_the_first_one(big, video_id, network, inside, fetch):
    with LinkHost(answer(b"gone", status="403 Forbidden"), address=PUBLIC) as public:
        gives_link(big, video_id, f"{public.url}/cat.mp4", times=1)
        gives_link(big, video_id, f"{inside.url}/cat.mp4")
        fetch()
    assert len(public.heads) == 1
    assert inside.connections == 0


@pytest.mark.parametrize("given", [True, "true", "yes"])
def test_the_user_can_allow_internal_links(connect, big, video_id, tmp_path, network, given, fetch):
    connect(big.url, allow_internal_links=given)
    whole = the_file(big, video_id)
    with LinkHost(answer(whole)) as host:
        gives_link(big, video_id, f"{host.url}/cat.mp4")
        fetch()
        assert host.connections == 1
    assert (tmp_path / "cat.mp4").read_bytes() == whole


@pytest.mark.parametrize("asked_before", [True, False])
def test_an_internal_gateways_links_lead_to_its_neighbours(big, video_id, asked_before):
    """Also where the video is known already, as after a wait in the triggerer: then where the gateway is, is not."""
    with LinkHost(answer(b"a film")) as host, Sora2Client(GatewaySettings(big.url, "sk-x")) as client:
        if asked_before:
            client.get_video(video_id)
        with client.open_content(f"{host.url}/cat.mp4", {}, video_id=video_id) as response:
            assert response.content == b"a film"


def test_an_internal_gateway_that_cannot_be_asked_for_a_moment_loses_no_video(big, video_id, tmp_path):
    whole = the_file(big, video_id)
    video = Sora2Hook().get_video(video_id)
    big.fault(route="query", status=503)
    big.fault(route="content", status=404, times=None)
    with LinkHost(answer(whole)) as host:
        gives_link(big, video_id, f"{host.url}/cat.mp4")
        known = dataclasses.replace(video, url=f"{host.url}/cat.mp4")
        Sora2Hook().download_video(video_id, f"{tmp_path}/cat.mp4", video=known)
        assert host.connections == 1
    assert (tmp_path / "cat.mp4").read_bytes() == whole


#: What a server that knows nothing of videos may answer to a question about one.
STRANGERS = {
    "that there is no such page": answer(b"not found", status="404 Not Found"),
    "a list of models": answer(b'{"object": "list", "data": [{"id": "llama"}]}'),
    "that all is well": answer(b'{"status": "ok"}'),
    "that something is done": answer(b'{"status": "completed"}'),
    "of another video": answer(b'{"id": "video_2", "status": "completed"}'),
    "what it was asked": answer(b'{"args": {"id": "video_1"}, "status": "completed"}'),
    "nothing": b"",
}


@pytest.mark.parametrize("said", STRANGERS.values(), ids=STRANGERS)
def test_a_name_that_leads_to_a_stranger_inside_makes_no_neighbours(network, inside, said):
    """Without TLS a name proves nothing: its owner can let it lead to any server in the network."""
    with LinkHost(said) as stranger:
        network.names["gateway.example.com"] = [INSIDE]
        settings = GatewaySettings(f"http://gateway.example.com:{stranger.port}", "sk-x")
        with Sora2Client(settings) as client:
            for _ in range(2):
                with pytest.raises(GatewayError) as caught:
                    client.open_content(f"{inside.url}/cat.mp4", {}, video_id="video_1").close()
                assert isinstance(caught.value, InternalAddress) or caught.value.transient
        assert stranger.connections
    assert inside.connections == 0


def test_a_wait_that_stores_says_how_to_go_on(big, durable_context, tmp_path, network, inside):
    big.settings(shape="openai", render_seconds=0)
    big.fault(route="content", redirect=f"{inside.url}/cat.mp4", times=None)
    create = Sora2CreateVideoOperator(
        task_id="create", prompt="a cat", wait_for_completion=True, output_path=f"{tmp_path}/cat.mp4"
    )
    with pytest.raises(AirflowFailException, match="allow_internal_links.*Nothing is submitted again"):
        create.execute(durable_context)
    big.clear_faults()
    create.execute(durable_context)
    assert (tmp_path / "cat.mp4").stat().st_size == FILE_BYTES
    assert len(big.billed) == 1


class TestBehindAProxy:
    """The proxy connects, so what is looked at is what the link's host is from here."""

    @pytest.fixture
    def proxy(self):
        with LinkHost(answer(b"a film by proxy"), address=GATEWAY) as host:
            yield host

    @pytest.fixture
    def client(self, proxy, network):
        with Sora2Client(GatewaySettings("https://gateway.example.com", "sk-x", proxy=proxy.url)) as client:
            yield client

    @pytest.mark.parametrize("host", [INSIDE, "0x7f000003", "films.example.com"])
    def test_an_address_that_is_internal_from_here_is_refused(self, client, proxy, network, host):
        network.names["films.example.com"] = [INSIDE]
        with pytest.raises(Exception, match="a loopback address"):
            client.open_content(f"http://{host}:8080/cat.mp4", {}, video_id="video_1")
        # What was sent asks where the gateway is, and of the link nothing.
        assert all(head.startswith(b"CONNECT gateway.example.com:443") for head in proxy.heads)

    @pytest.mark.parametrize("host", ["only-the-proxy-knows.invalid", PUBLIC])
    def test_anything_else_is_the_proxys_to_resolve(self, client, proxy, host):
        with client.open_content(f"http://{host}:8080/cat.mp4", {}, video_id="video_1") as response:
            assert response.content == b"a film by proxy"
        assert proxy.heads[0].startswith(f"GET http://{host}:8080/cat.mp4 ".encode())


ODD_ADDRESSES = {
    "a backslash before the gateway's host": "http://{foreign}\\@{home}/cat.mp4",
    "a backslash after it": "http://{home}\\@{foreign}/cat.mp4",
    "the gateway as a login": "http://{home}@{foreign}/cat.mp4",
    "a login at the gateway": "http://{foreign}@{home}/cat.mp4",
    "a fragment": "http://{foreign}#@{home}/cat.mp4",
    "a query": "http://{foreign}?@{home}/cat.mp4",
    "an encoded backslash": "http://{foreign}%5c@{home}/cat.mp4",
}


@pytest.mark.parametrize("url", ODD_ADDRESSES.values(), ids=ODD_ADDRESSES)
@pytest.mark.parametrize("by", ["link", "redirect", "client"])
def test_an_address_that_two_readers_read_differently_gets_no_key(connect, context, tmp_path, url, by):
    with LinkHost(answer(b"nothing"), address=GATEWAY) as foreign, Emulator(canned=True) as home:
        connect(home.url)
        video = Sora2CreateVideoOperator(task_id="create", prompt="a cat").execute(context)
        link = url.format(foreign=foreign.url[7:], home=home.url[7:])
        if by == "client":
            settings = GatewaySettings(home.url, KEY.decode(), connect_timeout=2, read_timeout=2)
            with Sora2Client(settings) as client:
                client.open_content(link, {}, video_id=video).close()
        else:
            if by == "link":
                gives_link(home, video, link)
            else:
                home.fault(route="file", redirect=link)
            download(video, tmp_path / "cat.mp4").execute(context)
        assert not any(KEY in head or b"uthorization" in head for head in foreign.heads)


def test_a_login_in_a_link_is_neither_sent_nor_shown(big, video_id, context, ti, tmp_path, logged):
    whole = the_file(big, video_id)
    with LinkHost(answer(whole)) as host:
        gives_link(big, "", host.url.replace("http://", "http://somebody:pass-word@") + "/cat.mp4")
        Sora2CreateVideoOperator(
            task_id="create", prompt="a cat", wait_for_completion=True, output_path=f"{tmp_path}/cat.mp4"
        ).execute(context)
        assert b"uthorization" not in host.heads[0]
        assert b"pass-word" not in host.heads[0]
    assert ti.xcoms["video"]["url"] == f"{host.url}/cat.mp4"
    assert not [line for line in logged().splitlines() if "pass-word" in line and "fault: {" not in line]


def test_a_redirect_back_to_the_gateway_brings_no_key(big, video_id, fetch):
    with LinkHost(moved(f"{big.url}/v1/models")) as foreign:
        gives_link(big, video_id, f"{foreign.url}/cat.mp4")
        fetch()
    (back,) = asked(big, "models")
    assert not back.has_authorization
    assert back.status == 401
    assert asked(big, "content")[-1].has_authorization


def test_source_images_are_passed_on_and_never_fetched(gateway, context):
    with LinkHost(answer(b"a picture")) as host:
        link = f"{host.url}/kettle.png?token=1"
        Sora2CreateVideoOperator(task_id="create", prompt="a cat", images=[link], wait_for_completion=True).execute(
            context
        )
        assert host.connections == 0
    assert gateway.requests[0].body["images"] == [link]
