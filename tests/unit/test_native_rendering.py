"""A DAG with native rendering sends the texts that its author wrote, and where it cannot, says what has become of them."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest

from sora2_provider.exceptions import InvalidParameter
from sora2_provider.operators.sora2 import Sora2CreateVideoOperator, Sora2DownloadVideoOperator
from sora2_provider.sensors.sora2 import Sora2VideoSensor

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import task
    from airflow.models.dag import DAG

NAMED = "render_template_as_native_obj=True"
START = pendulum.datetime(2026, 1, 1, tz="UTC")


@pytest.fixture
def dag(request):
    with DAG(
        "films", schedule=None, start_date=START, render_template_as_native_obj=getattr(request, "param", True)
    ) as dag:
        yield dag


def rendered(operator: Any, context: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Render an operator as Airflow does, and return the context to execute it with."""
    context = {**context, "dag": operator.dag, "params": params}
    operator.render_template_fields(context)
    return context


TEXTS = [
    *("1984", "1e5", "0x7C0", "1_984", "00", "1984.0", "-1", "'single'", '"Go!"', '"a" "b"', "1 + 2j"),
    *('{"scene": "a fox", "shots": [1, 2]}', '{"scene": "a fox", "loop": true}', '["a fox", "a hen"]', "a fox", " 7 "),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("dag", [True, False], indirect=True, ids=["native", "usual"])
@pytest.mark.parametrize("prompt", [None, "{{ params.prompt }}", "{% if true %}{{ params.prompt }}{% endif %}"])
def test_a_prompt_is_sent_as_it_was_written_however_the_dag_renders(gateway, context, dag, prompt, text):
    create = Sora2CreateVideoOperator(task_id="create", prompt=prompt or text)
    create.execute(rendered(create, context, prompt=text))
    assert gateway.billed[0].request["prompt"] == text


@pytest.mark.parametrize("text", ["None", "True", "('a', 1)", "{'a', 'b'}", "b'a fox'", "{'a': 1}", "[]"])
def test_what_is_refused_as_a_prompt_is_refused_in_the_same_words(gateway, context, text):
    said = set()
    for native in (True, False):
        with DAG("films", schedule=None, start_date=START, render_template_as_native_obj=native):
            create = Sora2CreateVideoOperator(task_id="create", prompt="{{ params.prompt }}")
        with pytest.raises(InvalidParameter) as caught:
            create.execute(rendered(create, context, prompt=text))
        said.add(str(caught.value))
    assert len(said) == 1
    assert gateway.requests == ()


@pytest.mark.parametrize("prompt", [{"scene": "a fox"}, ["a fox", "a hen"], {"a fox"}], ids=["dict", "list", "set"])
def test_an_object_that_a_template_hands_over_names_native_rendering(gateway, context, dag, prompt):
    create = Sora2CreateVideoOperator(task_id="create", prompt="{{ params.prompt }}")
    with pytest.raises(InvalidParameter) as caught:
        create.execute(rendered(create, context, prompt=prompt))
    assert f"not {type(prompt).__name__}" in str(caught.value)
    assert NAMED in str(caught.value)
    assert "tojson" in str(caught.value)
    assert gateway.requests == ()


@pytest.mark.parametrize("dag", [False], indirect=True)
def test_without_it_native_rendering_is_not_named(context, dag):
    create = Sora2CreateVideoOperator(task_id="create", prompt="{{ params.prompt }}")
    context = rendered(create, context, prompt="a fox")
    create.prompt = 7
    with pytest.raises(InvalidParameter) as caught:
        create.execute(context)
    assert NAMED not in str(caught.value)


def test_a_json_prompt_is_what_the_filter_tojson_writes(gateway, context, dag):
    create = Sora2CreateVideoOperator(task_id="create", prompt="{{ params.prompt | tojson }}")
    create.execute(rendered(create, context, prompt={"scene": "a fox"}))
    assert gateway.billed[0].request["prompt"] == '{"scene": "a fox"}'


def test_a_prompt_file_is_sent_as_it_is_written(gateway, context, tmp_path):
    (tmp_path / "year.prompt").write_text('{"year": {{ params.year }}}')
    with DAG(
        "films", schedule=None, start_date=START, render_template_as_native_obj=True, template_searchpath=str(tmp_path)
    ):
        create = Sora2CreateVideoOperator(task_id="create", prompt="year.prompt")
        of_xcom = Sora2CreateVideoOperator(task_id="of_xcom", prompt="{{ params.file }}")
    for operator in (create, of_xcom):
        operator.resolve_template_files()
        operator.execute(rendered(operator, context, year="1984", file="year.prompt"))
    assert [billed.request["prompt"] for billed in gateway.billed] == ['{"year": 1984}'] * 2


def test_numbers_lists_and_the_values_of_extra_keep_the_type_that_they_have(gateway, context, dag):
    create = Sora2CreateVideoOperator(
        task_id="create",
        prompt="a fox",
        images="{{ params.images }}",
        duration="{{ params.seconds }}",
        extra={"seed": "{{ params.seed }}", "year": "1984", "shots": [{"name": "1", "at": "{{ params.seed }}"}]},
        wait_for_completion=True,
        timeout="{{ params.seconds * 4 }}",
        poll_interval="{{ params.seconds / 1000 }}",
    )
    images = [f"{gateway.url}/images/sample.png"]
    create.execute(rendered(create, context, images=images, seconds=15, seed=7))
    request = gateway.billed[0].request
    assert (request["images"], request["duration"]) == (images, 15)
    assert (request["seed"], request["year"], request["shots"]) == (7, "1984", [{"name": "1", "at": 7}])


def test_what_a_subclass_sets_itself_is_sent(gateway, context, dag):
    class Own(Sora2CreateVideoOperator):
        def execute(self, context):
            self.prompt = "a hen"
            return super().execute(context)

    create = Own(task_id="create", prompt="{{ params.prompt }}")
    create.execute(rendered(create, context, prompt="1984"))
    assert gateway.billed[0].request["prompt"] == "a hen"


@pytest.mark.parametrize("video_id", ["4711", "0042", "2026_11_27", "1e5", "0x1f"])
@pytest.mark.parametrize("template", [None, "{{ params.id }}"])
def test_an_id_of_digits_is_asked_for_as_it_is(gateway, context, dag, tmp_path, video_id, template):
    sensor = Sora2VideoSensor(task_id="wait", video_id=template or video_id)
    store = Sora2DownloadVideoOperator(task_id="store", video_id=template or video_id, path=f"{tmp_path}/")
    sensor.poke(rendered(sensor, context, id=video_id))
    with pytest.raises(Exception, match="could not be downloaded"):
        store.execute(rendered(store, context, id=video_id))
    assert {request.query["id"] for request in gateway.requests} == {video_id}


def test_the_dict_of_a_sensor_stands_for_its_id(gateway, context, dag):
    made = Sora2CreateVideoOperator(task_id="create", prompt="a fox").execute(context)
    gateway.finish(made)
    for template in ("{{ params.video }}", "{{ params.video | tojson }}"):
        sensor = Sora2VideoSensor(task_id=f"wait{len(template)}", video_id=template)
        context = rendered(sensor, context, video={"id": made, "status": "completed"})
        assert sensor.execute(context)["id"] == made


def test_a_connection_of_digits_is_looked_up(gateway, connect, context, dag):
    connect(gateway.url, conn_id="1984")
    create = Sora2CreateVideoOperator(task_id="create", prompt="a fox", sora2_conn_id="{{ params.conn }}")
    create.execute(rendered(create, context, conn="1984"))
    assert len(gateway.billed) == 1


def test_a_function_whose_arguments_were_rendered_is_told_why_it_returned_no_text(gateway, context, dag):
    @task.sora2_video
    def film(what):
        return what

    operator = film("1984").operator
    with pytest.raises(InvalidParameter) as caught:
        operator.execute(rendered(operator, context))
    assert "film() returned a value of type int" in str(caught.value)
    assert NAMED in str(caught.value)
    assert "str(...)" in str(caught.value)
    assert gateway.requests == ()
