"""Every code block of the documentation is run, or checked as far as it can be; or it says why not."""

from __future__ import annotations

import sqlite3

import boto3
import pytest
from markdown_it import MarkdownIt

from tests.docs.commands import check, commands_of
from tests.docs.conftest import BAD
from tests.docs.pages import DOCUMENTS, EXAMPLES, SYBIL, language_of, place_of

_UNTYPEABLE = """
make no-such-target
make demo NO_SUCH=1
pip install 'airflow-provider-sora2[no-such-extra]'
pip install airflow-provider-sora
airflow dags no-such-command
airflow pools set sora2 8 creates --no-such-option
python -m sora2_provider.no_such_module
python -m sora2_provider.emulator --no-such-option
export AIRFLOW__SORA2__NO_SUCH_OPTION=1
export AIRFLOW__CORE__NO_SUCH_OPTION=1
no-such-program --help
curl https://example.com
"""


#: A remark (``skip: next``) is an example to Sybil, too, and stands before the block that is not run.
REMARKS = [example for example in EXAMPLES if language_of(example) is None]
BLOCKS = [example for example in EXAMPLES if language_of(example) is not None]


def block_after(remark):
    text = remark.document.text
    [block] = [one for one in remark.document if text[remark.end : one.start].strip() == "-->" and language_of(one)]
    return block


@pytest.mark.parametrize("example", BLOCKS, ids=place_of)
def test_a_block_does_what_the_page_says(example, request):
    for remark in REMARKS:
        if block_after(remark).start == example.start and remark.document is example.document:
            remark.evaluate()
    example.namespace.clear()
    example.namespace["request"] = request
    example.evaluate()


def unevaluated(document) -> int:
    """Return how many of a page's blocks Sybil does not evaluate: indented, or in a language without an evaluator."""
    blocks = [one for one in MarkdownIt("commonmark").parse(document.text) if one.type in ("fence", "code_block")]
    return len(blocks) - len([example for example in document if language_of(example)])


@pytest.mark.parametrize("page", DOCUMENTS)
def test_no_block_is_passed_over(page):
    assert unevaluated(DOCUMENTS[page]) == 0


def test_a_block_that_is_not_run_says_why():
    for remark in REMARKS:
        action, reason = remark.parsed
        assert action == "next", place_of(remark)
        assert len((reason or "").split()) >= 3, f"{place_of(remark)}: say why the block is not run"
        assert block_after(remark)


def test_an_indented_block_and_one_in_another_language_are_noticed(tmp_path):
    (tmp_path / "page.md").write_text("```perl\nprint\n```\n\n```\nmake\n```\n\n    indented\n\n```json\n{}\n```\n")
    assert unevaluated(SYBIL.parse(tmp_path / "page.md")) == 3


@pytest.mark.parametrize("line", _UNTYPEABLE.strip().splitlines())
def test_a_command_that_does_not_exist_is_found(line):
    [words] = commands_of(line)
    with pytest.raises(AssertionError):
        check(words, "http://127.0.0.1:1")


def test_the_batches_render_each_row_and_note_what_they_did(dag_failures, docs_airflow):
    prompts = [one.request["prompt"] for one in docs_airflow.gateway.billed]
    for prompt in ("An enamel kettle, steam rising in a morning kitchen, soft light", "A brass desk lamp switches on"):
        assert len([one for one in prompts if one.startswith(prompt)]) == 2, prompts
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing", "region_name": "us-east-1"}
    s3 = boto3.client("s3", endpoint_url=docs_airflow.s3, **keys)
    assert s3.get_object(Bucket="my-bucket", Key="films/lamp-07.mp4")["Body"].read()[4:8] == b"ftyp"
    with sqlite3.connect(docs_airflow.folder / "films.db") as database:
        noted = database.execute("SELECT film FROM products ORDER BY sku").fetchall()
    assert noted == [(f"s3://aws_default@my-bucket/films/{sku}.mp4",) for sku in ("kettle-01", "lamp-07")]


def test_a_dag_that_fails_is_told_from_one_that_does_not(dag_failures):
    assert "bad ended as failed" in dag_failures[BAD]
