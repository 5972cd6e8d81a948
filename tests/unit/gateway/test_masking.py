"""The key is masked however an answer or a log writes it, and shows itself in no repr."""

from __future__ import annotations

import copy
import html
import json
import pickle
import re
import time
from base64 import b64encode
from urllib.parse import quote, quote_plus

import pytest

from sora2_provider.gateway.masking import Secret, every_spelling
from sora2_provider.gateway.settings import GatewaySettings

KEY = r"sk-a/b&c+d=e%f<g>'h\"i\j_1.~"


def php_json(text: str) -> str:
    return json.dumps(text).replace("/", "\\/")


def go_json(text: str) -> str:
    written = json.dumps(text)
    for character in "&<>":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def layers(encode, text: str, count: int) -> str:
    for _ in range(count):
        text = encode(text)
    return text


SPELLINGS = {
    "as it is": lambda key: key,
    "JSON": json.dumps,
    "JSON of PHP": php_json,
    "JSON of Go": go_json,
    "JSON in four layers": lambda key: layers(php_json, key, 4),
    "JSON of Go in layers": lambda key: layers(go_json, key, 3),
    "JSON of Go in PHP's": lambda key: php_json(go_json(key)),
    "every character in JSON": lambda key: "".join(f"\\u{ord(one):04X}" for one in key),
    "every character in JavaScript": lambda key: "".join(f"\\x{ord(one):02x}" for one in key),
    "every character in a URL": lambda key: "".join(f"%{ord(one):02x}" for one in key),
    "a repr": repr,
    "bytes": lambda key: repr(key.encode()),
    "a query": lambda key: quote(key, safe=""),
    "a form": quote_plus,
    "a path": quote,
    "a query in a query": lambda key: layers(lambda text: quote(text, safe=""), key, 3),
    "HTML": html.escape,
    "HTML in HTML": lambda key: layers(html.escape, key, 3),
    "HTML in numbers": lambda key: "".join(f"&#{ord(one)};" for one in key),
    "HTML in hexadecimal": lambda key: "".join(f"&#x{ord(one):X};" for one in key),
    "XML": lambda key: html.escape(key).replace("&#x27;", "&apos;"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_key_is_masked_in_every_spelling(spelling):
    settings = GatewaySettings("https://g.example.com", KEY)
    text = f"Incorrect key: {spelling(KEY)}, of user 7"
    masked = settings.redact(text)
    assert re.fullmatch(r"""Incorrect key: b?[\\"']*\*\*\*[\\"']*, of user 7""", masked)
    assert settings.redact_body(text.encode()) == masked.encode()


def test_an_answer_is_the_same_json_but_for_the_key():
    settings = GatewaySettings("https://g.example.com", "sk-1/2&3")
    body = {
        "error": {"message": 'no key "sk-1/2&3"', "detail": json.dumps({"key": "sk-1/2&3"})},
        "url": "https://a/b?c&d",
    }
    masked = json.loads(settings.redact_body(php_json(json.dumps(body)).encode()))
    assert json.loads(masked) == json.loads(json.dumps(body).replace("sk-1/2&3", "***"))


@pytest.mark.parametrize("text", ["sk-a/b", "sk-a%2Gb&c", "https:\\/\\/x\\/y?a=1&amp;b=2", "\\" * 40])
def test_what_is_not_the_key_stays(text):
    assert GatewaySettings("https://g.example.com", KEY).redact(text) == text


HOSTILE = ["\\", "s", "sk-", "%25", "&amp;", "\\u0073", "&#0", "%2525", "\\x"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_takes_long_to_mask(piece):
    pattern = every_spelling([KEY])
    started = time.process_time()
    pattern.sub("***", piece * (1024 * 1024 // len(piece)))
    assert time.process_time() - started < 2


def test_a_proxys_login_is_masked_as_it_is_written_as_it_is_meant_and_as_it_is_sent():
    settings = GatewaySettings("https://g.example.com", "sk-x", proxy="http://robot:p%40ss%2Fword@p.example.com:3128")
    sent = b64encode(b"robot:p@ss/word").decode()
    for text in ("p%40ss%2Fword", "p@ss/word", f"Proxy-Authorization: Basic {sent}", "p%40ss%2fword"):
        assert "ss" not in settings.redact(text)
        assert sent not in settings.redact(text)


def test_a_secret_is_a_text_like_any_other_but_for_its_repr():
    secret = Secret("sk-secret")
    assert secret == "sk-secret"
    assert f"{secret}" == str(secret) == "".join([secret]) == "sk-secret"
    assert json.dumps(secret) == '"sk-secret"'
    assert hash(secret) == hash("sk-secret")
    for one in (secret, copy.deepcopy(secret), pickle.loads(pickle.dumps(secret))):
        assert repr(one) == repr([one])[1:-1] == "'***'"


def test_settings_show_no_secret_nor_do_their_parts():
    settings = GatewaySettings(
        "https://g.example.com",
        "sk-secret",
        proxy="http://me:secret-word@p.example.com:1",
        extra_headers={"X-Token": "secret-token"},
    )
    shown = repr([settings, vars(settings), settings.headers(), settings.secrets, settings.proxy, settings.api_key])
    assert "secret" not in shown.replace("secrets_pattern", "")
