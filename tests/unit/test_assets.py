"""What asset events are told of a stored file, and the URI by which other DAGs know it."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace

import pytest

from sora2_provider.compat import asset_types
from sora2_provider.operators.sora2 import Sora2DownloadVideoOperator
from sora2_provider.reporting.assets import asset_uri
from tests.unit.durable import WAITS, create

Asset, AssetAlias, _ = asset_types()

URIS = {
    "file:///data/cat.mp4": "file:///data/cat.mp4",
    "file:///data//films/./cat.mp4": "file:///data/films/cat.mp4",
    "file:////data/cat.mp4": "file:///data/cat.mp4",
    "local:///data/cat.mp4": "file:///data/cat.mp4",
    "s3://bucket/films/cat.mp4": "s3://bucket/films/cat.mp4",
    "s3://aws_default@bucket/films/cat.mp4": "s3://bucket/films/cat.mp4",
    "s3://bucket/a@b/cat.mp4": "s3://bucket/a@b/cat.mp4",
    "s3://bucket//cat.mp4": "s3://bucket//cat.mp4",
    "s3a://bucket/cat.mp4": "s3://bucket/cat.mp4",
    "gs://google_cloud_default@bucket/cat.mp4": "gs://bucket/cat.mp4",
    "gcs://bucket/cat.mp4": "gs://bucket/cat.mp4",
    "abfs://wasb@container/cat.mp4": "abfs://container/cat.mp4",
    "s3://bucket/a cat #1 at 100%?.mp4": "s3://bucket/a cat %231 at 100%25%3F.mp4",
    "s3://bucket/Кот.mp4": "s3://bucket/%D0%9A%D0%BE%D1%82.mp4",
    "file:///data/scheduled__2026-01-01T00:00:00+00:00.mp4": "file:///data/scheduled__2026-01-01T00:00:00+00:00.mp4",
}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(("stored", "uri"), URIS.items())
def test_airflow_keeps_the_uri_of_a_file_as_it_is_given(stored, uri):
    assert asset_uri(stored) == uri
    assert Asset(uri).uri == uri


class Events:
    """Stands for ``context["outlet_events"]``: assets of some versions of Airflow cannot be the keys of a dict."""

    def __init__(self) -> None:
        self.touched: dict[str, SimpleNamespace] = {}

    def __getitem__(self, outlet):
        key = getattr(outlet, "uri", None) or outlet.name
        if key not in self.touched:
            added = []
            add = lambda asset, extra: added.append((asset.uri, extra))  # noqa: E731
            self.touched[key] = SimpleNamespace(extra={}, added=added, add=add)
        return self.touched[key]


def test_a_create_task_tells_its_outlets_what_it_has_stored(gateway, context, tmp_path):
    alias, asset, events = AssetAlias("films"), Asset("x-films://cats"), Events()
    events[asset].extra["mine"] = "kept"
    outlets = [alias, asset, "a name from lineage"]
    operator = create(**WAITS, duration=15, output_path=f"{tmp_path}/cat #1.mp4", outlets=outlets)
    video_id = operator.execute({**context, "outlet_events": events})
    content = (tmp_path / "cat #1.mp4").read_bytes()
    told = {
        "uri": f"file://{tmp_path}/cat #1.mp4",
        "video_id": video_id,
        "model": "sora-2",
        "seconds": 15,
        "prompt_sha256": hashlib.sha256(b"a cat").hexdigest(),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert events[alias].added == [(f"file://{tmp_path}/cat %231.mp4", told)]
    assert events[asset].extra == {"mine": "kept", **told}
    assert set(events.touched) == {"films", "x-films://cats"}


@pytest.mark.parametrize("given", ["id", "sensor", "create"])
def test_a_download_tells_what_it_was_given(gateway, context, ti, tmp_path, given):
    video_id = create(**WAITS).execute(context)
    pushed = ti.xcoms["video"]
    values = {"id": video_id, "sensor": {"id": video_id, "model": "sora-2"}, "create": pushed}
    alias, events = AssetAlias("films"), Events()
    Sora2DownloadVideoOperator(
        task_id="store", video_id=values[given], path=f"{tmp_path}/cat.mp4", outlets=[alias]
    ).execute({**context, "outlet_events": events})
    ((uri, told),) = events[alias].added
    assert uri == told["uri"] == f"file://{tmp_path}/cat.mp4"
    assert told["video_id"] == video_id
    assert told["bytes"] == (tmp_path / "cat.mp4").stat().st_size
    known = {"id": set(), "sensor": {"model"}, "create": {"model", "seconds", "prompt_sha256"}}
    assert set(told) == {"uri", "video_id", "bytes", "sha256"} | known[given]


def test_an_event_that_cannot_be_told_does_not_cost_the_video(gateway, context, tmp_path, logged):
    class Broken:
        def __getitem__(self, key):
            raise RuntimeError("no such event")

    operator = create(**WAITS, output_path=f"{tmp_path}/cat.mp4", outlets=[AssetAlias("films")])
    assert operator.execute({**context, "outlet_events": Broken()}) == gateway.billed[0].id
    assert "no such event" in logged()


def test_a_task_that_stores_nothing_adds_nothing(gateway, context):
    alias, events = AssetAlias("films"), Events()
    create(outlets=[alias]).execute({**context, "outlet_events": events})
    assert not events.touched
