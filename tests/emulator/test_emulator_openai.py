"""Creates on the openai wire: what it takes, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
from io import BytesIO

import pytest

from tests.emulator.wires import LANDSCAPE, PORTRAIT, create_form, create_openai, reference

DAY = 100_000
DATA_URL = f"data:image/png;base64,{base64.b64encode(PORTRAIT).decode()}"
NO_IMAGE = "unsupported mimetype ('image/png'). Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
PART = '--x\r\nContent-Disposition: form-data; name="prompt"\r\n{}\r\n\r\na\r\n--x--\r\n'
INPAINT = "Inpaint image must match the requested width and height"


@pytest.fixture(params=["relay", "strict"])
def client(request, start):
    return start(strict=request.param == "strict")


@pytest.fixture
def strict(start):
    return start(strict=True)


def picture(kind, size=(720, 1280)):
    file = BytesIO()
    pytest.importorskip("PIL.Image").new("RGB", size, "teal").save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("send", [create_openai, create_form])
def test_a_create_answers_with_openais_object(client, send):
    response = send(client, seconds="12", size="1280x720")
    assert response.status_code == 200, response.text
    body = response.json()
    assert {**body, "id": "", "created_at": 0} == {
        "id": "",
        "object": "video",
        "model": "sora-2",
        "status": "queued",
        "progress": 0,
        "created_at": 0,
        "completed_at": None,
        "expires_at": None,
        "seconds": "12",
        "size": "1280x720",
        "prompt": "a fox",
        "remixed_from_video_id": None,
        "error": None,
    }
    [billed] = client.emulator.billed
    assert billed.id == body["id"]
    assert billed.request == {"model": "sora-2", "prompt": "a fox", "seconds": "12", "size": "1280x720"}
    video = client.emulator.video(body["id"])
    assert (video.orientation, video.duration, video.wire) == ("landscape", 12, "openai")


def test_seconds_and_size_have_openais_defaults(client):
    body = create_openai(client, model=...).json()
    assert (body["model"], body["seconds"], body["size"]) == ("sora-2", "4", "720x1280")


@pytest.mark.parametrize(
    ("fields", "code", "param", "says"),
    [
        ({"prompt": ...}, "missing_required_parameter", "prompt", "Missing required parameter: 'prompt'."),
        ({"prompt": None}, "missing_required_parameter", "prompt", "Missing required"),
        ({"prompt": " "}, "empty_string", "prompt", "minimum length 1"),
        ({"prompt": 5}, "invalid_type", "prompt", "expected a string, but got an integer instead."),
        ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt", "length 32001 instead"),
        ({"model": ["sora-2"]}, "invalid_type", "model", "but got an array instead."),
        ({"seconds": 8}, "invalid_type", "seconds", "Invalid type for 'seconds': expected one of '4', '8',"),
        ({"seconds": 8.0}, "invalid_type", "seconds", "but got a decimal number instead."),
        ({"seconds": True}, "invalid_type", "seconds", "but got a boolean instead."),
        ({"seconds": "5"}, "invalid_value", "seconds", "Invalid value: '5'. Supported values are: '4', '8',"),
        ({"seconds": "8s"}, "invalid_value", "seconds", "Invalid value: '8s'."),
        ({"size": 720}, "invalid_type", "size", "but got an integer instead."),
        ({"input_reference": "https://example.com/a.png"}, "invalid_type", "input_reference", "expected an object"),
        ({"input_reference": ["https://example.com/a.png"]}, "invalid_type", "input_reference", "but got an array"),
        ({"input_reference": {}}, "invalid_value", "input_reference", "exactly one of 'image_url' and 'file_id'"),
        ({"input_reference": {"image_url": DATA_URL, "file_id": "x"}}, "invalid_value", "input_reference", "exactly one"),
        ({"input_reference": {"url": DATA_URL}}, "unknown_parameter", "input_reference.url", "Unknown parameter"),
        ({"input_reference": {"image_url": "a.png"}}, "invalid_value", "input_reference", "or a data URL"),
        ({"input_reference": {"image_url": "data:image/png;base64,AAAA"}}, "unsupported_file_mimetype", "input_reference",
         NO_IMAGE),
        ({"input_reference": {"image_url": DATA_URL}, "size": "1280x720"}, None, None, INPAINT),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_in_openais_words_and_not_billed(client, fields, code, param, says):
    response = create_openai(client, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["type"]) == (400, "invalid_request_error")
    assert (error["code"], error["param"]) == (code, param)
    assert says in error["message"]
    assert client.emulator.billed == ()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        *[({name: "x"}, "unknown_parameter") for name in ("duration", "orientation", "images", "width", "watermark")],
        ({"seconds": "10"}, "invalid_value"),
        ({"seconds": "15", "model": "sora-2-pro"}, "invalid_value"),
        ({"size": "1024x1792"}, "invalid_value"),
        ({"size": "16x9"}, "invalid_value"),
        ({"size": "1080p", "model": "sora-2-pro"}, "invalid_value"),
        ({"model": "kling-v3", "seconds": "5"}, "invalid_value"),
    ],
)
def test_what_only_relays_take_is_refused_where_it_is_strict(start, strict, fields, code):
    assert create_openai(strict, **fields).json()["error"]["code"] == code
    assert strict.emulator.billed == ()
    assert create_openai(start(), **fields).status_code == 200


@pytest.mark.parametrize(
    ("model", "size"), [("sora-2", "1280x720"), ("sora-2-pro", "1024x1792"), ("sora-2-pro", "1920x1080")]
)
@pytest.mark.parametrize("seconds", ["4", "8", "12", "16", "20"])
def test_what_openai_takes_is_taken(strict, model, size, seconds):
    assert create_openai(strict, model=model, size=size, seconds=seconds).status_code == 200


@pytest.mark.parametrize(
    ("size", "fields", "pixels"),
    [
        ("16x9", {}, "1280x720"),
        ("1920*1080", {}, "1920x1080"),
        ("720P", {"aspect_ratio": "16:9"}, "1280x720"),
        ("1080p", {}, "720x1280"),
        ("721x1281", {}, "720x1280"),
        ("99999x1", {}, "1280x720"),
    ],
)
def test_a_relay_makes_pixels_of_any_size(start, size, fields, pixels):
    assert create_openai(start(), size=size, **fields).json()["size"] == pixels


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_uploaded_image_is_taken_by_its_content(client, kind):
    data = picture(kind)
    response = create_form(client, reference(data, "a.bin", "application/octet-stream"))
    assert response.status_code == 200, response.text
    [billed] = client.emulator.billed
    assert billed.request["input_reference"] == {
        "filename": "a.bin",
        "content_type": "application/octet-stream",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    assert client.emulator.requests[0].body == billed.request


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"}])
def test_every_kind_of_webp_is_measured(client, options):
    file = BytesIO()
    pytest.importorskip("PIL.Image").new("RGB", (720, 1280), "teal").save(file, "WEBP", **options)
    assert create_form(client, reference(file.getvalue())).status_code == 200
    assert create_form(client, reference(file.getvalue()), size="1280x720").json()["error"]["message"] == INPAINT


@pytest.mark.parametrize(
    ("files", "fields", "says"),
    [
        (reference(b"https://example.com/a.png"), {}, NO_IMAGE),
        (reference(b""), {}, NO_IMAGE),
        (reference(PORTRAIT[:20]), {}, NO_IMAGE),
        (reference(b"\xff\xd8\xff\xe0" + b"\x00" * 40), {}, NO_IMAGE),
        (reference(b"GIF89a" + bytes(40)), {}, NO_IMAGE),
        (reference(LANDSCAPE), {}, INPAINT),
        (reference(PORTRAIT), {"size": "1280x720"}, INPAINT),
        (reference(PORTRAIT) * 2, {}, "expected a file, but got an array instead."),
        ((), {"input_reference": "https://example.com/a.png"}, "expected a file, but got a string instead."),
        ((), {"prompt": ""}, "empty string"),
        ((), {"seconds": "5"}, "Invalid value: '5'."),
        ([("prompt", (None, "again"))], {}, "expected a string, but got an array instead."),
    ],
)
def test_a_wrong_form_is_refused_and_not_billed(client, files, fields, says):
    response = create_form(client, files, **fields)
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]
    assert client.emulator.billed == ()


@pytest.mark.parametrize(
    ("data", "content_type", "says"),
    [
        ("{", "application/json", "could not parse the JSON body"),
        ("[]", "application/json", "expected an object, but got an array"),
        ("a fox", "text/plain", "Unsupported content type: 'text/plain'"),
        ("no boundary", "multipart/form-data", "Could not parse multipart form"),
        ("cut", "multipart/form-data; boundary=x", "Could not parse multipart form"),
        (PART.format("Content-Type: text/plain; charset=nope"), "multipart/form-data; boundary=x", "Could not parse"),
        (PART.format("Content Type: text/plain"), "multipart/form-data; boundary=x", "Could not parse"),
        (PART.format("Content-Transfer-Encoding: nope"), "multipart/form-data; boundary=x", "Could not parse"),
        ("prompt=a", "application/x-www-form-urlencoded", "Unsupported content type"),
        ("prompt=a", "application/x-www-form-urlencoded; charset=nope", "Unsupported content type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(client, data, content_type, says):
    response = client.post("/v1/videos", data=data, headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert says in response.json()["error"]["message"]
    assert client.emulator.billed == ()


def test_an_uploaded_image_is_drawn_into_the_film(start):
    pytest.importorskip("av")
    client = start(canned=False)
    uploaded, in_json, without = (
        client.get(f"/v1/videos/{response.json()['id']}/content").content
        for response in (
            create_form(client, reference(PORTRAIT)),
            create_openai(client, input_reference={"image_url": DATA_URL}),
            create_openai(client),
        )
    )
    assert uploaded == in_json != without
