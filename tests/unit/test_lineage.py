"""What OpenLineage is told: inputs, outputs and the run facet of both operators."""

from __future__ import annotations

import pytest

from sora2_provider.compat import TaskDeferred
from sora2_provider.exceptions import FinalError, RenderingFailed
from sora2_provider.gateway.polling.wait import Finished, Outcome
from sora2_provider.hooks.sora2 import Sora2Hook
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.triggers.events import to_event
from tests.exact_errors import raises_exactly

IMAGE = "https://login:secret@bucket.example.com/films/a.png?X-Signature=secret#x"


def create(**options):
    return Sora2CreateVideoOperator(
        task_id="create", prompt="a cat", images=[IMAGE], size="large", duration=15, poll_interval=0.01, **options
    )


def named(datasets):
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def test_a_create_task_makes_a_file_of_its_images(gateway, context, tmp_path):
    operator = create(wait_for_completion=True, output_path=f"{tmp_path}/cat.mp4")
    video_id = operator.execute(context)
    told = operator.get_openlineage_facets_on_complete(None)
    assert named(told.inputs) == [("https://bucket.example.com", "/films/a.png")]
    assert named(told.outputs) == [("file", f"{tmp_path}/cat.mp4")]
    assert told.outputs[0].outputFacets["outputStatistics"].size == (tmp_path / "cat.mp4").stat().st_size
    facet = told.run_facets["sora2_video"]
    assert (facet.videoId, facet.status, facet.model) == (video_id, "completed", "sora-2")
    assert (facet.seconds, facet.size, facet.orientation) == (15, "large", "portrait")
    assert len(facet.promptSha256) == 64
    assert facet.prompt is None
    assert "secret" not in str(told)


def test_usage_is_told_although_a_gateway_counts_only_when_it_accepts(gateway, context, ti):
    gateway.settings(render_seconds=60)
    gateway.fault(route="query", status=503, times=None)
    first = create(wait_for_completion=True, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        first.execute(context)
    counted = ti.xcoms["video"]["usage"]
    assert counted["total_tokens"] > 0
    gateway.clear_faults()
    gateway.advance(120)
    video = Sora2Hook().get_video(gateway.billed[0].id)
    assert video.usage is None
    woken = create(wait_for_completion=True, deferrable=True)
    event = to_event(video.id, Finished(Outcome.COMPLETED, video))
    woken.resume_execution("execute_complete", {**deferred.value.kwargs, "event": event}, context)
    facet = woken.get_openlineage_facets_on_complete(None).run_facets["sora2_video"]
    assert (facet.promptTokens, facet.completionTokens, facet.totalTokens) == tuple(counted.values())
    assert ti.xcoms["video"]["usage"] == counted


def test_the_prompt_is_told_where_that_is_asked_for(gateway, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW__SORA2__OPENLINEAGE_PROMPT", "True")
    operator = create()
    operator.execute(context)
    assert operator.get_openlineage_facets_on_complete(None).run_facets["sora2_video"].prompt == "a cat"


def test_a_create_and_a_download_meet_at_the_video(gateway, context, ti, tmp_path):
    operator = create(wait_for_completion=True)
    video_id = operator.execute(context)
    made = operator.get_openlineage_facets_on_complete(None)
    assert named(made.outputs) == [("sora2://sora2_default", f"videos/{video_id}")]
    store = Sora2DownloadVideoOperator(task_id="store", video_id=ti.xcoms["video"], path=f"{tmp_path}/cat.mp4")
    store.execute(context)
    told = store.get_openlineage_facets_on_complete(None)
    assert named(told.inputs) == named(made.outputs)
    assert named(told.outputs) == [("file", f"{tmp_path}/cat.mp4")]
    assert told.run_facets["sora2_video"].seconds == 15


def test_a_bucket_is_told_as_openlineage_names_it(gateway, context, tmp_path):
    from sora2_provider.reporting.lineage import lineage_of_download
    from sora2_provider.reporting.video_metadata import VideoMetadata
    from sora2_provider.storage import StoredVideo

    stored = StoredVideo("s3://aws@bucket/films/cat.mp4", 7, "0" * 64, "video/mp4")
    told = lineage_of_download(VideoMetadata("sora2_default", "video_1").with_file(stored))
    assert named(told.outputs) == [("s3://bucket", "films/cat.mp4")]


def test_a_failed_rendering_is_told_with_its_code(gateway, context):
    gateway.fault(route="create", rendering="failed", error_code="video_generation_failed", error_message="crashed")
    operator = create(wait_for_completion=True)
    with raises_exactly(RenderingFailed):
        operator.execute(context)
    told = operator.get_openlineage_facets_on_failure(None)
    facet = told.run_facets["sora2_video"]
    assert (facet.status, facet.errorCode) == ("failed", "video_generation_failed")
    assert facet.videoId == gateway.billed[0].id
    assert told.outputs == []


def test_a_refused_create_is_told_without_a_video(gateway, context):
    gateway.fault(route="create", status=401, body={"error": {"message": "no"}})
    operator = create()
    with raises_exactly(FinalError):
        operator.execute(context)
    told = operator.get_openlineage_facets_on_failure(None)
    assert len(told.inputs) == 1
    assert told.outputs == []
    assert told.run_facets["sora2_video"].videoId is None


def test_a_task_that_was_not_run_tells_nothing():
    assert create().get_openlineage_facets_on_complete(None) is None
    store = Sora2DownloadVideoOperator(task_id="store", video_id="video_1", path="/x.mp4")
    assert store.get_openlineage_facets_on_complete(None) is None
