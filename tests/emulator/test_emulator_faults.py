from __future__ import annotations

import contextlib
import json
import threading
import time

import pytest
import requests

from sora2_provider.emulator import Fault
from sora2_provider.emulator.fault_queue import RANDOM_FAULTS


def ids(emulator):
    return [entry.id for entry in emulator.billed]


def lost(emulator):
    return [entry.answer_lost for entry in emulator.billed]


@pytest.mark.parametrize(
    ("reset", "changes", "answers_lost"),
    [("before", {}, []), ("after", {}, [True]), ("after", {"duration": "15"}, [])],
    ids=["before acceptance", "after acceptance", "after a refusal"],
)
def test_a_reset_bills_a_create_only_where_it_was_accepted_first(client, emulator, reset, changes, answers_lost):
    emulator.fault(route="create", reset=reset)

    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        client.create(**changes)

    assert lost(emulator) == answers_lost
    assert [(r.route, r.status, r.fault["reset"]) for r in emulator.requests] == [("create", None, reset)]
    assert [client.query(video_id)["status"] for video_id in ids(emulator)] == ["completed"] * len(answers_lost)
    assert client.create().status_code == 200


@pytest.mark.parametrize("length", [0, 1, 40])
def test_a_truncated_answer_promises_more_than_it_sends_and_the_create_is_billed(client, emulator, length):
    emulator.fault(route="create", truncate=length)

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match=f"{length} bytes read"):
        client.create()

    assert lost(emulator) == [True]


def test_a_truncated_answer_misses_at_least_one_byte(client, emulator):
    emulator.fault(route="query", truncate=10**6)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="1 more expected"):
        client.query(client.created())


def test_a_faulty_status_on_a_create_bills_nothing_unless_it_is_accepted(client, emulator):
    emulator.fault(route="create", status=500, body={"error": {"message": "busy", "code": "service_err"}})
    response = client.create()
    assert (response.status_code, response.json()["error"]["message"]) == (500, "busy")
    assert emulator.billed == ()

    emulator.fault(route="create", status=504, html=True, accept=True)
    response = client.create()
    assert (response.status_code, response.headers["Content-Type"]) == (504, "text/html; charset=utf-8")
    assert "504: Gateway Timeout" in response.text
    assert lost(emulator) == [True]


@pytest.mark.parametrize(
    ("fields", "status", "header", "text"),
    [
        ({"status": 429, "headers": {"Retry-After": "7"}}, 429, ("Retry-After", "7"), ""),
        ({"html": True}, 200, ("Content-Type", "text/html; charset=utf-8"), "<!doctype html>"),
        ({"redirect": "http://localhost:1/x"}, 302, ("Location", "http://localhost:1/x"), ""),
        ({"redirect": "http://localhost:1/x", "status": 307}, 307, ("Location", "http://localhost:1/x"), ""),
        ({"content_type": "text/plain"}, 200, ("Content-Type", "text/plain"), '{"success": true'),
        ({"headers": {"X-Mine": "1"}}, 200, ("X-Mine", "1"), '{"success": true'),
        ({"body": {"a": "é"}}, 200, ("Content-Type", "application/json"), '{"a": "é"}'),
    ],
    ids=["status alone", "start page", "redirect", "redirect with status", "content type", "header", "body"],
)
def test_an_answer_is_replaced_or_decorated_as_asked(client, emulator, fields, status, header, text):
    emulator.fault(route="models", **fields)
    response = client.get("/v1/models", allow_redirects=False)
    assert (response.status_code, response.headers[header[0]]) == (status, header[1])
    assert response.text.startswith(text)
    assert bool(response.content) is bool(text)


def test_a_create_with_another_content_type_is_accepted_and_its_answer_read(client, emulator):
    emulator.fault(route="create", content_type="text/plain")
    assert client.create().json()["id"] == ids(emulator)[0]
    assert lost(emulator) == [False]


def test_a_create_is_accepted_before_the_delay_so_a_client_that_stops_waiting_has_paid(client, emulator):
    emulator.fault(route="create", delay=600)
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.session.post(f"{emulator.url}/v1/video/create", json=client.body(), timeout=0.3)
    assert len(emulator.billed) == 1

    deadline = time.monotonic() + 30
    while lost(emulator) != [True] and time.monotonic() < deadline:
        client.get("/v1/models")
    assert lost(emulator) == [True]


def test_a_client_that_stops_waiting_for_a_query_has_still_read_the_answer_to_its_create(client, emulator):
    video_id = client.created()
    emulator.fault(route="query", delay=600)
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.session.get(f"{emulator.url}/v1/videos/{video_id}", timeout=0.3)
    emulator.close()
    assert lost(emulator) == [False]


@pytest.mark.parametrize(
    ("faults", "statuses"),
    [
        ([{"status": 503, "times": 2, "skip": 1}], [200, 503, 503, 200, 200]),
        ([{"status": 500}, {"status": 502}, {"status": 429}], [500, 502, 429, 200]),
    ],
    ids=["as often as it says, after those it lets pass", "in the order in which they were added"],
)
def test_faults_are_met(client, emulator, faults, statuses):
    for fault in faults:
        emulator.fault(route="models", **fault)
    assert [client.get("/v1/models").status_code for _ in statuses] == statuses


def test_a_fault_without_a_count_is_met_until_it_is_cleared(client, emulator):
    emulator.fault(route="models", status=503, times=None)
    assert {client.get("/v1/models").status_code for _ in range(5)} == {503}
    emulator.clear_faults()
    assert client.get("/v1/models").status_code == 200


def test_a_fault_that_lasts_is_met_for_so_many_seconds_from_its_first_request(client, emulator):
    emulator.fault(route="models", status=503, times=None, lasts=60)
    emulator.advance(1000)
    answered = lambda: client.get("/v1/models").status_code  # noqa: E731
    assert answered() == 503
    emulator.advance(30)
    assert answered() == 503
    assert [entry["spent"] for entry in client.control("GET", "faults").json()["faults"]] == [False]
    emulator.advance(30)
    assert answered() == 200
    assert [entry["spent"] for entry in client.control("GET", "faults").json()["faults"]] == [True]


def test_a_fault_that_lasts_begins_anew_for_no_one(client, emulator):
    first, second = client.created(prompt="one fox"), client.created(prompt="another fox")
    emulator.fault(route="query", prompt_contains="fox", status=503, times=None, lasts=60)
    assert client.get(f"/v1/videos/{first}").status_code == 503
    emulator.advance(60)
    assert client.get(f"/v1/videos/{second}").status_code == 200


def test_a_fault_can_be_for_one_video_or_for_prompts_only(client, emulator):
    first, second = client.created(prompt="one fox"), client.created(prompt="two foxes")
    emulator.fault(route="query", video_id=second, status=500)
    emulator.fault(route="any", prompt_contains="one", status=502)

    assert client.get(f"/v1/videos/{first}").status_code == 502
    assert client.get(f"/v1/videos/{second}").status_code == 500
    assert client.create(prompt="two").status_code == 200


def test_a_fault_for_a_video_also_meets_the_fetch_of_its_file(client, emulator):
    video_id = client.created()
    link = client.query(video_id)["video_url"]
    emulator.fault(route="file", video_id=video_id, status=503)
    assert [client.get(link).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("status", ["failed", "cancelled", "stuck", "odd_word"])
def test_a_scripted_rendering_ends_as_scripted_when_its_time_comes(start, status):
    client = start(render_seconds=100_000)
    more = {"error_code": "sentinel_block", "error_message": "Hmmm"} if status == "failed" else {}
    client.emulator.fault(route="create", rendering=status, **more)
    video_id = client.created()

    client.emulator.advance(50_000)
    assert client.query(video_id)["status"] == "in_progress"
    client.emulator.advance(50_000)
    body = client.query(video_id)
    assert body["status"] == {"stuck": "in_progress"}.get(status, status)
    if more:
        assert body["error"] == {"code": "sentinel_block", "message": "Hmmm"}


@pytest.mark.parametrize(
    ("fields", "fetched"),
    [
        ({"route": "create", "link": "expired"}, [403, 200, 200]),
        ({"route": "create", "link": "missing"}, [None, None]),
        ({"route": "create", "link": "dead"}, [404, 404]),
        ({"route": "query", "link": "expired", "skip": 1}, [200, 403, 200]),
        ({"route": "query", "link": "missing"}, [None, 200]),
        ({"route": "query", "link": "dead", "skip": 1}, [200, 404, 200]),
    ],
)
def test_a_link_is_troubled_for_the_video_or_for_one_query(client, emulator, fields, fetched):
    emulator.fault(**fields)
    video_id = client.created()
    answers = []
    for _ in fetched:
        body = client.query(video_id)
        assert body["status"] == "completed"
        answers.append(body["video_url"] and client.get(body["video_url"]).status_code)
    assert answers == fetched
    assert client.get(f"/v1/videos/{video_id}/content").status_code == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "does nothing"),
        ({"route": "create"}, "does nothing"),
        ({"route": "upload", "status": 500}, "route must be one of create, query"),
        ({"status": "500"}, "status must be a whole number, 200 to 599 or null, not '500'"),
        ({"status": 99}, "200 to 599"),
        ({"status": 600}, "200 to 599"),
        ({"status": True}, "status must be"),
        ({"html": 1}, "true or false"),
        ({"status": 500, "times": 0}, "times must be a whole number, 1 or more"),
        ({"status": 500, "skip": -1}, "skip must be a whole number, 0 or more"),
        ({"status": 500, "times": None, "lasts": -1}, "lasts must be a number, 0 or more"),
        ({"status": 500, "lasts": 60}, "add times=None"),
        ({"delay": float("nan")}, "delay must be a number, 0 or more"),
        ({"reset": "never"}, "one of before, after"),
        ({"reset": "after", "status": 500}, "carries no answer"),
        ({"reset": "after", "truncate": 5}, "one of reset, truncate"),
        ({"html": True, "body": "x"}, "one of html and body"),
        ({"redirect": "/x", "body": "x"}, "redirect has no body"),
        ({"route": "create", "accept": True, "delay": 1}, "accept needs another answer"),
        ({"route": "query", "accept": True, "status": 500}, "accept is about creates"),
        ({"route": "create", "status": 500, "rendering": "failed"}, "the create is refused"),
        ({"route": "create", "reset": "before", "rendering": "failed"}, "accepts nothing"),
        ({"route": "query", "rendering": "failed"}, "rendering needs route='create'"),
        ({"route": "create", "rendering": "stuck", "error_code": "x"}, "rendering='failed'"),
        ({"route": "create", "link": "gone"}, "link must be one of expired"),
        ({"route": "file", "link": "dead"}, "link needs route create or query"),
        ({"route": "query", "cut_after": 5}, "routes content and file"),
        ({"route": "file", "cut_after": 5, "status": 200}, "no download"),
        ({"route": "file", "bytes_per_second": 0}, "1 or more"),
        ({"route": "create", "video_id": "x", "status": 500}, "no id yet"),
        ({"headers": {"A": "b\r\nC: d"}}, "on one line"),
        ({"headers": {"A": 1}}, "headers must be an object of texts"),
    ],
)
def test_a_fault_that_contradicts_itself_or_does_nothing_is_refused(client, emulator, fields, says):
    with pytest.raises(ValueError, match=says):
        emulator.fault(**fields)

    # As JSON, where json= would refuse a NaN.
    response = client.control("POST", "faults", data=json.dumps(fields), headers={"Content-Type": "application/json"})
    assert response.status_code == 400
    assert says in response.json()["error"]


def test_a_fault_survives_json():
    for faults in RANDOM_FAULTS.values():
        for fault in faults:
            assert Fault.from_json(json.loads(json.dumps(fault.to_json()))) == fault


def test_concurrent_creates_share_the_faults_out_exactly(client, emulator):
    emulator.fault(route="create", status=500, times=7)
    statuses = []

    threads = [threading.Thread(target=lambda: statuses.append(client.create().status_code)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] * 23 + [500] * 7
    assert len(set(ids(emulator))) == 23


def test_the_same_seed_meets_the_same_random_faults(start):
    def statuses(seed):
        client = start(fault_rate=0.5, seed=seed)
        seen = []
        for _ in range(40):
            try:
                seen.append(client.get("/v1/models").status_code)
            except requests.ConnectionError:
                seen.append("reset")
        return seen

    first = statuses(3)
    assert statuses(3) == first
    assert statuses(4) != first
    assert set(first) == {200, 502, "reset"}


def test_every_random_fault_leaves_the_bill_and_the_videos_in_step(start):
    client = start()
    emulator = client.emulator
    for fault in RANDOM_FAULTS["create"]:
        if not fault.delay:
            emulator.fault(fault)
            with contextlib.suppress(requests.RequestException):
                client.create()
    assert [entry.id for entry in emulator.billed] == [video.id for video in emulator.videos]
