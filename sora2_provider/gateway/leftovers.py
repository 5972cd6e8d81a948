"""What is left in a text where a value should have come: an object as Python shows it, an f-string's or XCom's template.

Nobody means these as a prompt, an id or a path, and a gateway charges for them like for any other text. What a person may
mean passes: ``None of them``, ``<lora:film:0.8>``, a prompt that is JSON, ``{{ }}`` in a table's row.
"""

from __future__ import annotations

import ast
import json
import re
import warnings

# Patterns are compiled when they are needed: a DAG file with usual texts needs none.

#: Objects that show themselves in angle brackets: ``<... object at 0x...>``, ``<Task(...): create>``, ``<DAG: films>``.
_BRACKETED = r"""(?xs)
    <.{0,200}?\ at\ 0x[0-9a-fA-F]{6,}
    | <(?:class|module)\ ' | <built-in\ (?:function|method)\ | <_io\.\w+ | <[\w.]+\ object;\  | <\w*Cell\ ['\w]
    | <(?:Task|Mapped)\(\w+\): | <(?:DAG|TaskInstance):\  | <DagRun\ | <Response\ \[\d{3}\]>
    | <(?:\w+\.)+\w+:\ (?:'[^'\n]*'|"[^"\n]*"|-?\d+)>
    """
#: Objects that show themselves as a call: ``XComArg(...)``, ``MappedArgument(...)``, ``PosixPath('...')``.
_CALLED = r"""(?xs)
    (?:XComArg|MappedArgument|DagParam|ExpandInput|LazyXCom\w*|LazySelectSequence|LiteralValue|_TaskDecorator)\(
    | \b(?:RuntimeTaskInstance|TaskInstanceKey|VideoRequest|StoredVideo)\( | \bVideo\(id= | (?:Operator|Sensor)\.partial\(
    | \b(?:ObjectStoragePath|(?:Pure)?(?:Posix|Windows)Path|UUID|Decimal|Timestamp)\(['"] | \bfunctools\.partial\(<
    | \bdatetime\.(?:datetime|date|time|timedelta)\( | \bDateTime\(\d{4}, | \b(?:Row|Pandas)\(\w+=
    | \bdict_(?:keys|values|items)\(\[ | \b(?:defaultdict|OrderedDict|deque|frozenset|mappingproxy|Counter)\([<\[{(]
    | \A\s*[A-Za-z_][\w.]*\(\w+=.*\)\s*\Z
    """
_IN_A_TABLE = r"\bdtype(?::\ \w|=['\w])"
#: What an XComArg makes of itself in a text, and what an f-string leaves of a template.
_TEMPLATE = (
    r"\{-?\s*(?:ti|task_instance)\.xcom_pull\s*\("
    r"|(?<!\{)\{\s*(?:(?:params|dag_run|var|conn|macros)[.\[][^{}]*|(?:ds|ts|ds_nodash|ts_nodash|run_id)\s*)\}(?!\})"
)
_BYTES = r"(?s)b(['\"]).*\1"
_TAKE_ONE = "Of a mapped task's values take one: map this task, too, with expand."
_EMPTY_LISTS = ("[]", "{}", "()", "set()")


def leftover_object(text: str) -> str:
    """Return what is wrong with a text that holds an object as Python shows it; empty where it holds none."""
    found = (
        ("<" in text and re.search(_BRACKETED, text))
        or ("(" in text and re.search(r"\w\(", text) and re.search(_CALLED, text))
        or ("dtype" in text and re.search(_IN_A_TABLE, text))
    )
    if not found:
        return ""
    shown = text[found.start() : found.start() + 60]
    if shown.startswith("Lazy"):
        return f"it holds an object as Python shows it ({shown!r}): all values of a mapped task. {_TAKE_ONE}"
    return (
        f"it holds an object as Python shows it ({shown!r}). An f-string or str() has made a text of the object, in a DAG file "
        "mostly before its value is known. Pass the object itself, or make the text in a function (@task.sora2_video)."
    )


def leftover(text: str) -> str:
    """Return what is wrong with a text that somebody may have written; empty where it may be meant."""
    if problem := leftover_object(text):
        return problem
    if "{" in text and re.search(_TEMPLATE, text):
        return (
            "it holds a template that was not rendered. Airflow renders what an operator was given, and not what a function "
            "returned or an XCom holds; in an f-string write four braces for two. Pass the value as an argument instead."
        )
    return _python_value(text.strip())


def leftover_in_name(text: str) -> str:
    """Return what is wrong with an id, a choice or a link, in which no template can be meant; empty if nothing is."""
    if "{{" in text or "{%" in text:
        return "it holds a template that was not rendered. Airflow renders template fields only, and not what an XCom holds."
    return leftover(text)


def leftover_in_path(text: str) -> str:
    """Return what is wrong with a path or a link, in which no part can be ``None``; empty if nothing is."""
    if "None" in text and any(part == "None" or part.startswith("None.") for part in re.split(r"[/\\?#]", text)):
        return "one of its parts is None. If this is a template or an XCom, the earlier task returned nothing."
    return leftover_in_name(text)


def _python_value(text: str) -> str:
    """Return what is wrong with a text that is a list, a dict or bytes in Python's spelling; JSON may be meant."""
    if re.fullmatch(_BYTES, text):
        return "it is bytes in Python's spelling. Decode them: value.decode()."
    if text[:1] not in ("[", "{", "(") or text[-1:] not in ("]", "}", ")"):
        return ""
    if text in _EMPTY_LISTS:
        return "it is empty. If this is a template or an XCom, the earlier task returned nothing."
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        value = _literal(text)
    else:
        return ""
    if not isinstance(value, (list, dict, tuple, set)):
        return ""
    mapped = "" if isinstance(value, dict) else f" {_TAKE_ONE}"
    return (
        f"it is a {type(value).__name__} in Python's spelling. Take the value that is meant, such as "
        "{{ ti.xcom_pull('row')['prompt'] }}; if the whole is meant, write it as JSON, with the filter tojson."
        f"{mapped}"
    )


def _literal(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
