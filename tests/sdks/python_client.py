"""OpenAI's SDK for Python against a server of its wire; what it saw goes to stdout as JSON.

Runs in an environment that has the SDK and nothing else: ``python_client.py URL FOLDER_OF_IMAGES``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import openai
from openai.types.video import Video

URL, IMAGES = sys.argv[1], Path(sys.argv[2])


def code_of(call: Callable[[], object]) -> str:
    """Return the code, or the message, of the error that a call must raise."""
    try:
        call()
    except openai.APIStatusError as error:
        return f"{error.status_code} {error.code or error.body['message']}"
    except RuntimeError:
        return "not sent"
    return "accepted"


client = openai.OpenAI(base_url=f"{URL}/v1", api_key="sk-sdk", max_retries=0)
videos = client.videos
form = videos.create(prompt="a fox", model="sora-2", seconds="8", size="1280x720")
with_file = videos.create(prompt="a fox", input_reference=IMAGES / "sample.png")
as_json = client.post("/videos", body={"prompt": "a fox", "model": "sora-2-pro", "seconds": "12"}, cast_to=Video)
headers = videos.with_raw_response.retrieve(form.id).headers
done = [videos.poll(video.id) for video in (form, with_file, as_json)]
whole = videos.download_content(form.id).read()
part = videos.with_raw_response.download_content(form.id, extra_headers={"Range": "bytes=4-11"})
remix = videos.poll(videos.remix(form.id, prompt="at night").id)
listed = [video.id for video in videos.list(limit=2, order="asc")]
deleted = videos.delete(remix.id)

print(
    json.dumps(
        {
            "created": [[video.status, video.seconds, video.size, video.model] for video in (form, with_file, as_json)],
            "poll_after": headers.get("openai-poll-after-ms"),
            "polled": [[video.status, video.progress, video.error] for video in done],
            "bytes": [len(whole), whole[4:8].decode()],
            "part": [part.http_response.status_code, part.http_response.content.decode("latin-1")],
            "pictures": [
                videos.download_content(form.id, variant=name).response.headers["content-type"]
                for name in ("thumbnail", "spritesheet")
            ],
            "remix": [remix.remixed_from_video_id == form.id, remix.prompt, remix.seconds],
            "listed": listed == [form.id, with_file.id, as_json.id, remix.id],
            "deleted": [deleted.id == remix.id, deleted.deleted, deleted.object],
            "models": sorted(model.id for model in client.models.list()),
            "errors": {
                "deleted": code_of(lambda: videos.retrieve(remix.id)),
                "seconds": code_of(lambda: videos.create(prompt="a fox", seconds="5")),
                "unknown field": code_of(lambda: videos.create(prompt="a fox", extra_body={"orientation": "portrait"})),
                "no image": code_of(lambda: videos.create(prompt="a fox", input_reference=("a.png", b"text"))),
                "pixels": code_of(lambda: videos.create(prompt="a fox", input_reference=IMAGES / "landscape.png")),
                "link": code_of(
                    lambda: videos.create(prompt="a", input_reference={"image_url": f"{URL}/images/sample.png"})
                ),
                "key": code_of(lambda: client.with_options(api_key="no").models.list()),
            },
        }
    )
)
