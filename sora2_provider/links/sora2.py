"""The link that a Sora 2 task has in Airflow's web interface."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from sora2_provider.compat import UI_TAKES_PAGES, BaseOperatorLink, read_xcom

#: Where Airflow shows the page. Without a host, and relative: the web interface adds the path below which it is served.
PAGE = "plugin/sora2"


class Sora2VideoLink(BaseOperatorLink):
    """Leads to the video as soon as there is a link to it, and before that, from Airflow 3.1 on, to its card on the page.

    The XCom ``video`` of the task instance says which; each mapped one has its own. Airflow 3 asks in the task's process,
    whenever that ends, and keeps the answer as an XCom of its own; Airflow 2 asks when a person looks.
    """

    name = "Watch the video"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address; an empty one, which Airflow does not offer, where there is no video.

        :param operator: the task; where Airflow 3 asks, its templates are rendered.
        :param ti_key: the task instance, or its key.
        """
        video = read_xcom("video", ti_key)
        if isinstance(video, Mapping):
            return link_to(video, ti_key)
        # A sensor waits for what another task has made, most often one of the same run.
        video_id = getattr(operator, "video_id", None)
        if UI_TAKES_PAGES and isinstance(video_id, str) and video_id and "{{" not in video_id:
            return page_address(dag_id=ti_key.dag_id, run_id=ti_key.run_id, text=video_id)
        return ""


def show_link(task_instance: Any, video: Mapping[str, Any]) -> None:
    """Offer the link while the task is still at work; at its end Airflow asks for it again.

    :param video: what the XCom ``video`` holds.
    """
    # Airflow 2 asks when a person looks. Airflow 3.0 has no page, and at the end of a task it asks by itself.
    if UI_TAKES_PAGES:
        # The video is paid for: a link is no reason to fail.
        with contextlib.suppress(Exception):
            task_instance.xcom_push(key=Sora2VideoLink().xcom_key, value=link_to(video, task_instance))


def link_to(video: Mapping[str, Any], ti_key: Any) -> str:
    """Return the address of a video.

    :param video: what the XCom ``video`` holds.
    :param ti_key: the task instance that has pushed it, or its key.
    """
    from sora2_provider.gateway.parsing.links import as_link

    if url := as_link(video.get("url")):
        return url
    if not UI_TAKES_PAGES:
        return ""
    if "request" not in video:
        return page_address(dag_id=ti_key.dag_id, run_id=ti_key.run_id, text=str(video.get("id") or ""))
    return page_address(
        dag_id=ti_key.dag_id, run_id=ti_key.run_id, task_id=ti_key.task_id, map_index=str(ti_key.map_index)
    )


def page_address(**shown: str) -> str:
    """Return the address of the page, narrowed down to what it shall show."""
    return f"{PAGE}?{urlencode(shown)}"
