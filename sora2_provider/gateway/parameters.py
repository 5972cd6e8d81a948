"""Checks of the create's parameters. Every refusal happens before anything is sent, and so before anything is paid.

Values come from DAG files, templates, XComs and tables, so a value whose meaning is plain is accepted (``"15"``, one
link instead of a list, a JSON list in a string, a numpy integer). Others are refused: above all the word "None", which
is what a template gives when an earlier task returned nothing.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from sora2_provider.gateway.leftovers import leftover, leftover_in_name, leftover_in_path
from sora2_provider.gateway.numbers import number_of
from sora2_provider.gateway.settings import web_address

ORIENTATIONS = ("portrait", "landscape")
SIZES = ("small", "large")

#: Seconds that each known model offers, on the unified API. Of other models only the type is checked: gateways add models weekly.
DURATIONS: Mapping[str, tuple[int, ...]] = {"sora-2": (10, 15), "sora-2-pro": (10, 15, 25)}
#: Seconds that they offer on other APIs, too: those of OpenAI's own.
ELSEWHERE = (4, 8, 12, 16, 20)

NAMED = ("prompt", "images", "model", "orientation", "size", "duration")

#: Seconds: 30 days. No rendering takes as long, and Airflow cannot keep when a wait of centuries ends.
LONGEST_WAIT = 30 * 24 * 3600
#: The name of a file that an operator would read its prompt from.
_PROMPT_FILE = r"\S+\.prompt"

#: What templates and tables write for a value that is not there.
_NO_VALUE = ("None", "null", "undefined", "nan", "NaN", "NaT", "<NA>")
_EMPTY_WORDS = ("", "none", "NONE", "NULL", "Undefined", *_NO_VALUE)
#: Letters that are blank: of Braille and Hangul; and what only changes how another character is drawn.
_BLANK_LETTERS = "\u2800\u3164\u115f\u1160\uffa0"
_VARIANTS = "".join(map(chr, range(0xFE00, 0xFE10)))
_FLAGS = ("True", "False")
#: What is copied with a link.
_AROUND_LINKS = " \t\r\n\u00a0\u3000\u200b\ufeff"
_NEXT_LINK = re.compile(r"[\s,;|]https?://", re.I)
_ORIGIN = re.compile(r"https?://[^\s/?#]+(?=[/?#])", re.I)
_BLANKS = re.compile(r"[ \u00a0\u3000]+")
#: Blanks, and what is not printed.
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\u200b\ufeff]")
#: Nothing of this stands in an id: it is a text, a list or a dict that came in an id's place.
_NO_ID = r"[\s{}\[\]()<>\"'`,]"
_MARKED = (
    "A create task that a person marked as success has returned no id: the id stands in its log and in its XCom 'video'. "
    "Set it as the XCom 'return_value' of that task and clear this one, or clear that task if its log says that it picks "
    "the video up."
)
_NOTHING_CAME = "If this is a template or an XCom, the earlier task returned nothing."


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as the gateway takes them.

    :param values: any of ``prompt``, ``images``, ``model``, ``orientation``, ``size``, ``duration``, ``extra``, ``dialect``;
        one that is left out is not checked, so a DAG file's literals can be checked before templates are known.
        Without ``model``, what only some models offer is not checked either.
    :raises ValueError: with the parameter's name, the value, and what is allowed.
    """
    wanted = "the model's name, for example 'sora-2'"
    model = _text("model", values["model"], wanted).strip() if "model" in values else ""
    for name in values:
        if name not in _CHECKS:
            raise ValueError(f"{name} is not a parameter of a video. Known: {', '.join(_CHECKS)}.")
    found = {name: _CHECKS[name](value, model) for name, value in values.items() if name != "duration"}
    if "duration" in values:
        found["duration"] = _duration(values["duration"], model, found.get("dialect", ""))
    return found


def checked_video_id(value: Any, *, operator: str = "Sora2VideoSensor") -> str:
    """Return a video's id. The dict that ``Sora2VideoSensor`` returns stands for its ``id``.

    :param operator: what the id is for, where many can come.
    :raises ValueError: there is none, which is what a template gives when an earlier task returned nothing.
    """
    given = value.get("id") if isinstance(value, Mapping) else value
    allowed = "the id that Sora2CreateVideoOperator returned"
    if _is_nothing(given):
        raise ValueError(f"video_id={_shown(value)}: it must be {allowed}. {_NOTHING_CAME} {_MARKED}")
    if mapped := of_mapped("video_id", given, operator, "create"):
        raise ValueError(f"video_id={_shown(value)}: it must be {allowed}, not {type(given).__name__}.{mapped}")
    video_id = _text("video_id", given, allowed).strip()
    if re.search(_NO_ID, video_id):
        raise ValueError(f"video_id={_shown(value)}: it must be {allowed}, without blanks, quotes and brackets.")
    return video_id


def checked_seconds(name: str, value: Any) -> float:
    """Return a number of seconds to wait: of a number, a ``timedelta``, or what a template has made of a number.

    :raises ValueError: it is none, or the wait would have no end.
    """
    seconds = number_of(value)
    if seconds is None or not 0 < seconds <= LONGEST_WAIT:
        raise ValueError(
            f"{name}={_shown(value)}: it must be a number of seconds, or a timedelta, above 0, at most {LONGEST_WAIT} "
            f"(30 days).{_hint(value)}{of_mapped(name, value)}"
        )
    return seconds


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (value.strip() in _EMPTY_WORDS or _is_invisible(value)))


def _is_invisible(text: str) -> bool:
    """Whether a text has nothing that is seen: blanks, joiners and marks of direction, such as a zero-width space."""
    if text.isascii():
        return False
    return all(one in _BLANK_LETTERS or unicodedata.category(one)[0] in "CZ" or one in _VARIANTS for one in text)


def _hint(value: Any) -> str:
    return f" {_NOTHING_CAME}" if _is_nothing(value) else ""


def of_mapped(name: str, value: Any, operator: str = "Sora2CreateVideoOperator", made_by: str = "rows") -> str:
    """Return what to write where one value is wanted and the many of a mapped task came; empty where they did not.

    :param name: of the parameter that got them.
    :param operator: the one that has it.
    :param made_by: what a task that made them may be called.
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return ""
    return (
        " A mapped task returns one value for each of its tasks. Map this task, too: "
        f"{operator}.partial(task_id=..., ...).expand({name}={made_by}.output)."
    )


def _prompt(value: Any) -> str:
    prompt = _text("prompt", value, "a non-empty text that says what to render", leftover)
    if prompt.rstrip().endswith(".prompt") and re.fullmatch(_PROMPT_FILE, prompt.strip()):
        raise ValueError(
            f"prompt={_shown(value)}: it must be the text itself, not the name of a file. Only Sora2CreateVideoOperator reads "
            "such a file, from beside the DAG file or from template_searchpath; elsewhere read it yourself."
        )
    return prompt


def _text(name: str, value: Any, allowed: str, problem_of: Callable[[str], str] = leftover_in_name) -> str:
    if _is_nothing(value):
        raise ValueError(f"{name}={_shown(value)}: it must be {allowed}. {_NOTHING_CAME}")
    if not isinstance(value, str):
        raise ValueError(
            f"{name}={_shown(value)}: it must be {allowed}, not {type(value).__name__}.{of_mapped(name, value)}"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{name}={_shown(value)}: it holds half a character (a lone surrogate).") from None
    if value.strip() in _FLAGS:
        raise ValueError(
            f"{name}={_shown(value)}: it must be {allowed}, and not a flag that a template has made a text of."
        )
    if problem := problem_of(value):
        raise ValueError(f"{name}={_shown(value)}: {problem}")
    return value


def _choice(name: str, value: Any, choices: tuple[str, ...], model: str) -> str:
    if type(value) is str and value in choices:
        return value  # At once, because DAG files are parsed again and again.
    allowed = " or ".join(repr(choice) for choice in choices)
    text = _text(name, value, allowed).strip()
    if text not in choices and model in DURATIONS:
        raise ValueError(f"{name}={_shown(value)}: it must be {allowed}.")
    return text


def _duration(value: Any, model: str, dialect: str) -> int:
    offered = DURATIONS.get(model)
    if offered and dialect not in ("", "unified"):
        offered = tuple(sorted((*offered, *ELSEWHERE)))
    if offered and type(value) is int and value in offered:
        return value
    allowed = (
        f"{' or '.join(map(str, offered))} seconds for {model}" if offered else "a whole number of seconds above 0"
    )
    seconds = _whole_number(value)
    if seconds is None:
        raise ValueError(f"duration={_shown(value)}: it must be {allowed}.{_hint(value)}{of_mapped('duration', value)}")
    if seconds < 1 or (offered and seconds not in offered):
        longer = " (25 seconds: model='sora-2-pro')" if seconds == 25 and model == "sora-2" else ""
        if seconds in ELSEWHERE:
            longer = f", or name the gateway's API ({seconds} seconds: dialect='openai')"
        raise ValueError(f"duration={_shown(value)}: it must be {allowed}{longer}.")
    return seconds


def _whole_number(value: Any) -> int | None:
    number = number_of(value)
    return int(number) if number is not None and number.is_integer() and number <= LONGEST_WAIT else None


def _images(value: Any) -> tuple[str, ...]:
    allowed = "a list of http(s) links, one link, or a string that holds a JSON list of links ([] for text to video)"
    if _is_nothing(value):
        raise ValueError(f"images={_shown(value)}: it must be {allowed}. {_NOTHING_CAME}")
    links: Any = value
    if isinstance(value, str):
        problem = f"images={_shown(value)}: it begins like a JSON list but is not one."
        hint = "In a template write {{ the_list | tojson }}, or set render_template_as_native_obj=True on the DAG."
        links = _json(value, f"{problem} {hint}") if value.lstrip().startswith("[") else [value]
    plain = isinstance(links, (list, tuple))
    if not plain and (isinstance(links, (Mapping, bytes, bytearray)) or not isinstance(links, Iterable)):
        raise ValueError(f"images={_shown(value)}: it must be {allowed}, not {type(value).__name__}.")
    return tuple(_link(link) for link in links)


def _json(text: str, otherwise: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(otherwise) from None


def _link(value: Any) -> str:
    if _is_nothing(value):
        raise ValueError(f"images: one of the links is {_shown(value)}. {_NOTHING_CAME}")
    if not isinstance(value, str):
        raise ValueError(f"images: {_shown(value)} is a {type(value).__name__}, not an http(s) link.")
    link = value.strip(_AROUND_LINKS)
    if problem := leftover_in_path(link):
        raise ValueError(f"images: {_shown(value)} is no http(s) link: {problem}")
    if _NEXT_LINK.search(link):
        raise ValueError(f"images: {_shown(value)} holds several links. Pass a list with one link in each string.")
    if web_address(mended := _without_blanks(link)):
        return mended
    scheme = link.partition(":")[0].lower() if ":" in link else ""
    if scheme in ("s3", "gs", "gcs", "abfs", "abfss", "wasb", "wasbs", "file", "") or link.startswith(("/", ".")):
        raise ValueError(
            f"images: {_shown(value)} cannot be read by the gateway, which fetches images over the internet. "
            "Pass an http(s) link: a public one, or a presigned one (S3: S3Hook().generate_presigned_url; "
            "Google Cloud Storage: a signed URL; Azure: a SAS URL)."
        )
    if link.lower().startswith(("http:", "https:")) and (broken := _UNFIT.search(link)):
        raise ValueError(
            f"images: {_shown(value)} holds {broken.group()!r} at character {broken.start() + 1}, which no link can hold. A link is "
            "one line without blanks in its host; elsewhere a blank is written %20."
        )
    raise ValueError(f"images: {_shown(value)} is not an http:// or https:// link, which is what the gateway takes.")


def _without_blanks(link: str) -> str:
    """Return a link with its blanks encoded, but for those in its host, where none can be."""
    start = _ORIGIN.match(link)
    if start is None:
        return link
    return link[: start.end()] + _BLANKS.sub(lambda blanks: quote(blanks.group()), link[start.end() :])


def _extra(value: Any) -> dict[str, Any]:
    read: Any = value
    if isinstance(value, str) and value.lstrip().startswith("{"):
        read = _json(value, f"extra={_shown(value)}: it begins like a JSON object but is not one.")
    if not isinstance(read, Mapping):
        allowed = "a dict of fields that the model adds, such as {'watermark': False}"
        raise ValueError(f"extra={_shown(value)}: it must be {allowed}.{_hint(value)}")
    fields = dict(read)
    if not fields:
        return fields
    for name in fields:
        if not isinstance(name, str):
            raise ValueError(f"extra: the field name {_shown(name)} must be a string.")
        if (meant := name.strip().lower()) in NAMED:
            raise ValueError(
                f"extra={_shown(value)}: it must not set {name!r}, which is a parameter of its own: "
                f"pass {meant}=... instead."
            )
    try:
        json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"extra={_shown(value)}: it cannot be sent as JSON ({error}).") from None
    _check_texts_in(fields)
    return fields


def _check_texts_in(value: Any) -> None:
    """Check the texts in ``extra``, however deep they lie."""
    if isinstance(value, Mapping):
        for part in (*value, *value.values()):
            _check_texts_in(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _check_texts_in(part)
    elif isinstance(value, str):
        if value.strip() in (*_FLAGS, *_NO_VALUE):
            raise ValueError(
                f"extra: a text in it is {value!r}, which a template has made of a value. Set "
                "render_template_as_native_obj=True on the DAG to keep the value's type, or give extra as JSON and write the "
                "value with the filter tojson."
            )
        if problem := leftover(value):
            raise ValueError(f"extra: {_shown(value)}: {problem}")


#: How each parameter is checked: of its value, and the model.
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "prompt": lambda value, _: _prompt(value),
    "images": lambda value, _: _images(value),
    "model": lambda _, model: model,
    "orientation": lambda value, model: _choice("orientation", value, ORIENTATIONS, model),
    "size": lambda value, model: _choice("size", value, SIZES, model),
    "duration": lambda value, _: value,
    "extra": lambda value, _: _extra(value),
    "dialect": lambda value, _: value,
}
