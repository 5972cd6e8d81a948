"""What OpenLineage is told of a task. Only the operators' OpenLineage methods load this: it needs the extra ``openlineage``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.providers.openlineage.extractors import OperatorLineage
from attrs import define
from openlineage.client.event_v2 import Dataset, InputDataset, OutputDataset
from openlineage.client.facet_v2 import RunFacet, output_statistics_output_dataset

from sora2_provider.compat import conf
from sora2_provider.reporting.assets import Place
from sora2_provider.reporting.video_metadata import VideoMetadata

FACET = "sora2_video"

Lineage = OperatorLineage[Dataset, RunFacet]


@define
class Sora2VideoRunFacet(RunFacet):
    """What was rendered. The prompt is there only if ``[sora2] openlineage_prompt`` asks for it."""

    videoId: str | None = None  # noqa: N815
    status: str | None = None
    model: str | None = None
    seconds: int | None = None
    size: str | None = None
    orientation: str | None = None
    promptTokens: int | None = None  # noqa: N815
    completionTokens: int | None = None  # noqa: N815
    totalTokens: int | None = None  # noqa: N815
    promptSha256: str | None = None  # noqa: N815
    prompt: str | None = None
    errorCode: str | None = None  # noqa: N815


def lineage_of_create(metadata: VideoMetadata) -> Lineage:
    """Return the lineage of a task that created a video: of its images made, and a file or a video at the gateway."""
    images = [_image(link) for link in metadata.request.get("images") or ()]
    renders = metadata.video_id and metadata.video.get("status") not in ("failed", "cancelled")
    outputs = [_file(metadata)] if metadata.stored else [_rendering(metadata, OutputDataset)] if renders else []
    return _lineage(metadata, images, outputs)


def lineage_of_download(metadata: VideoMetadata) -> Lineage:
    """Return the lineage of a task that stored a video: a file made of the video at the gateway."""
    inputs = [_rendering(metadata, InputDataset)] if metadata.video_id else []
    return _lineage(metadata, inputs, [_file(metadata)] if metadata.stored else [])


def _lineage(metadata: VideoMetadata, inputs: list[Any], outputs: list[Any]) -> Lineage:
    return OperatorLineage(inputs=inputs, outputs=outputs, run_facets={FACET: _facet(metadata)})


def _facet(metadata: VideoMetadata) -> Sora2VideoRunFacet:
    usage = metadata.usage or {}
    shows_prompt = conf.getboolean("sora2", "openlineage_prompt", fallback=False)
    return Sora2VideoRunFacet(
        videoId=metadata.video_id,
        status=metadata.video.get("status"),
        model=metadata.model,
        seconds=metadata.seconds,
        size=metadata.request.get("size"),
        orientation=metadata.request.get("orientation"),
        promptTokens=usage.get("prompt_tokens"),
        completionTokens=usage.get("completion_tokens"),
        totalTokens=usage.get("total_tokens"),
        promptSha256=metadata.prompt_sha256,
        prompt=metadata.request.get("prompt") if shows_prompt else None,
        errorCode=metadata.video.get("error_code"),
    )


def _image(link: str) -> Dataset:
    # Without the query: a presigned link's is a secret. Without a login, for the same reason.
    parts = urlsplit(link)
    return InputDataset(namespace=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", name=parts.path or "/")


def _rendering(metadata: VideoMetadata, kind: type[Any]) -> Any:
    return kind(namespace=f"sora2://{metadata.conn_id}", name=f"videos/{metadata.video_id}")


def _file(metadata: VideoMetadata) -> OutputDataset:
    if metadata.stored is None:
        raise ValueError("No file was stored.")
    place = Place.of(metadata.stored.uri)
    on_disk = place.scheme == "file"
    namespace, name = ("file", f"/{place.path}") if on_disk else (f"{place.scheme}://{place.container}", place.path)
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        size=metadata.stored.size, fileCount=1
    )
    return OutputDataset(namespace=namespace, name=name, outputFacets={"outputStatistics": statistics})
