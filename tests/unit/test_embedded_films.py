"""A film in base64 within an answer is found, and decoded while it comes."""

from __future__ import annotations

import base64
import json

import pytest

from sora2_provider.gateway.download.embedded import find_film
from sora2_provider.gateway.errors import GatewayUnavailable

FILM = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 9 + b"?>"
TEXT = base64.b64encode(FILM).decode()
DATA = f"data:video/mp4;base64,{TEXT}"
ESCAPED = "".join(f"\\u{ord(char):04x}" if char in "+/=" else char for char in TEXT)
CAPITALS = "".join(f"\\u{ord(char):04X}" if char in "+/=" else char for char in TEXT)


def decoded(answer: bytes, *, step: int = 50) -> bytes | None:
    """Return the film in an answer that comes in small parts."""
    parts = (answer[start : start + step] for start in range(step, len(answer), step))
    _, film = find_film(answer[:step], parts)
    return None if film is None else b"".join(film)


FILMS = {
    "in JSON": json.dumps({"video": TEXT, "more": 1}),
    "as an address": json.dumps({"data": [{"b64_json": DATA}]}),
    "in the safe alphabet": json.dumps({"video": TEXT.replace("+", "-").replace("/", "_")}),
    "without padding": json.dumps({"video": TEXT.rstrip("=")}),
    "in lines": json.dumps({"video": "\n".join(TEXT[start : start + 76] for start in range(0, len(TEXT), 76))}),
    "in JSON in a text": json.dumps({"result": json.dumps({"video": DATA})}),
    "with escapes": f'{{"video": "{ESCAPED}"}}',
    "with escapes in capitals": f'{{"video": "{CAPITALS}"}}',
    "behind others": json.dumps({"thumbnail": "data:image/png;base64,AAAA", "cover": DATA, "video": DATA}),
    "alone": TEXT,
    "alone, as an address": DATA,
    "late in the answer": json.dumps({"prompt": "a cat " * 10_000, "video": TEXT}),
}


@pytest.mark.parametrize("answer", FILMS.values(), ids=FILMS)
@pytest.mark.parametrize("step", [1_000, 37, 3])
def test_a_film_is_found_and_decoded_however_it_comes(answer, step):
    assert decoded(answer.encode(), step=step) == FILM


NO_FILMS = {
    "no film": json.dumps({"video": "https://a.b/c.mp4"}),
    "what is not the film": json.dumps({"cover": DATA}),
    "too late": json.dumps({"prompt": "a cat " * 11_000, "video": TEXT}),
    "nothing": "",
}


@pytest.mark.parametrize("answer", NO_FILMS.values(), ids=NO_FILMS)
def test_where_there_is_none_nothing_is_decoded(answer):
    assert decoded(answer.encode()) is None


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (json.dumps({"video": TEXT})[:-3], "was cut"),
        (json.dumps({"video": f"{TEXT[:400]}*{TEXT[401:]}"}), "is no base64"),
        (json.dumps({"video": f"{TEXT[:401]}"}), "is no base64"),
    ],
)
def test_a_film_that_is_cut_or_damaged_is_asked_for_again(answer, said):
    with pytest.raises(GatewayUnavailable, match=said) as caught:
        decoded(answer.encode())
    assert caught.value.transient


def test_a_film_that_stands_alone_ends_where_the_answer_does():
    assert decoded(TEXT[:400].encode()) == FILM[:300]
