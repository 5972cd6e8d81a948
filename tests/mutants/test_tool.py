"""The tool itself: what it changes, what it leaves alone, and that a change reaches the functions that are loaded."""

from __future__ import annotations

import dataclasses
import importlib.util
from pathlib import Path

import pytest
from cosmic_ray.mutating import mutate_code

from tests.mutants.code_swap import LoadedFunctions
from tests.mutants.coverage_map import digests_of
from tests.mutants.equal import EqualMutant, equal_mutants, split
from tests.mutants.mutations import Mutant, mutants_of
from tests.mutants.operators import operators

SOURCE = '''
LIMIT = 3 > 2


def says(log, value: int | None = None, *, loud: bool = True) -> str | None:
    """Say it."""
    seen: list[int]
    log.info("%s", value or "nothing")
    if value is None:
        return None
    seen = [one for one in (value, 2) if one not in (1,)]
    return f"{'much' if value > 3 else 'little'} {seen}"
'''


@pytest.fixture
def mutants(tmp_path: Path) -> list[Mutant]:
    (tmp_path / "words.py").write_text(SOURCE)
    return list(mutants_of(tmp_path, "words.py"))


@pytest.mark.parametrize("operator", operators(), ids=lambda operator: type(operator).__name__)
def test_each_operator_changes_its_examples(operator):
    for example in operator.examples():
        assert mutate_code(example.pre_mutation_code, operator, example.occurrence) == example.post_mutation_code


def test_conditions_returns_and_statements_are_changed_and_texts_types_defaults_and_log_lines_are_not(mutants):
    assert [(mutant.before, mutant.after) for mutant in mutants] == [
        ("if value is None:", "if value is not None:"),
        ("seen = [one for one in (value, 2) if one not in (1,)]", "(left out)"),
        ("seen = [one for one in (value, 2) if one not in (1,)]", "seen = [one for one in (value, 2) if one in (1,)]"),
        ("""return f"{'much' if value > 3 else 'little'} {seen}\"""", "return None"),
    ]


def test_a_mutant_reaches_a_function_wherever_it_is_held(tmp_path, mutants):
    spec = importlib.util.spec_from_file_location("words", tmp_path / "words.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    held = module.says
    functions = LoadedFunctions(tmp_path)
    functions.mutate(tmp_path / "words.py", mutants[-1].source)
    assert held(dataclasses.make_dataclass("Log", ["info"])(print), 2) is None
    with pytest.raises(LookupError):
        functions.mutate(tmp_path / "words.py", SOURCE)


def test_what_is_known_of_a_file_of_tests_holds_until_it_the_package_or_a_helper_changes(tmp_path):
    root = tmp_path / "mutants"
    files = [
        root / name
        for name in ("package/a.py", "tests/unit/conftest.py", "tests/unit/test_a.py", "tests/unit/test_b.py")
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    seen = set()
    for changed in (None, *files[:3]):
        if changed is not None:
            changed.write_text("changed")
        digests = digests_of(files[2:3], root / "package")
        assert list(digests) == ["tests/unit/test_a.py"]
        seen.add(digests["tests/unit/test_a.py"])
    assert len(seen) == 4
    files[3].write_text("changed")
    assert digests_of(files[2:3], root / "package")["tests/unit/test_a.py"] in seen


def test_an_entry_of_the_list_matches_by_its_text_or_is_told(mutants):
    first = mutants[0]
    entry = EqualMutant(first.file, first.function, first.before, first.after, "because")
    stale = dataclasses.replace(entry, before="if value is nothing:")
    assert split(mutants, [entry, stale]) == (mutants[1:], [first], [stale])


def test_each_entry_of_the_list_has_a_reason():
    assert all(len(entry.reason) > 15 for entry in equal_mutants())
