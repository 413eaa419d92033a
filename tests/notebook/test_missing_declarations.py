"""Outputs that do not say what stations ask of them, and the change that declares it."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phtlab.notebook import Analysis, Finding, read_analysis
from phtlab.notebook.fix import add_arguments

HEAD = (
    "import phtlab\nimport numpy as np\n"
    'heart = phtlab.dataset("heart")\ncohort = heart[heart.age >= 40]\nages = cohort.age\n'
)
TABLE = (
    '\nphtlab.publish("by_sex", heart.groupby("sex").size().rename("n").reset_index(), counts="n")'
)


def read(source: str, language: str = "python") -> Analysis:
    cell = {"cell_type": "code", "metadata": {"tags": ["station"]}, "source": source}
    metadata = {"kernelspec": {"name": language, "language": language}}
    return read_analysis(
        json.dumps({"nbformat": 4, "metadata": metadata, "cells": [cell]}).encode()
    )


def found(line: str, head: str = HEAD) -> dict[str, Finding]:
    return {one.code: one for one in read(head + line).findings}


def mended(line: str, code: str = "output-uncounted", tail: str = "") -> str:
    """`line` after the change that `code` brings; the finding is gone then, and no error comes."""
    source = HEAD + line + tail
    before = found(line + tail)
    fix = before[code].fix
    assert fix is not None
    changed = fix.apply(source)
    after = {one.code: one for one in read(changed).findings}
    assert code not in after
    errors = {one.code for one in read(changed).errors} - {one.code for one in read(source).errors}
    assert errors <= {"output-placeholder"}
    if fix.select is None:
        assert not errors
    else:
        start, end = fix.select
        assert fix.text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le") == "..."
        assert errors == {"output-placeholder"} or code == "output-arrays"
    return changed[len(HEAD) : len(changed) - len(tail)]


@pytest.mark.parametrize(
    ("value", "added"),
    [
        ("float(cohort.age.mean())", "of=int(cohort.age.count())"),
        ('cohort["age"].std()', 'of=int(cohort["age"].count())'),
        ("ages.mean()", "of=int(ages.count())"),
        ('phtlab.dataset("heart").age.mean()', 'of=int(phtlab.dataset("heart").age.count())'),
        ("float(np.mean(cohort.age.to_numpy()))", "of=len(cohort)"),
        ("float((cohort.age > 50).mean())", "of=len(cohort)"),
        ("score(cohort.age, cohort.sex)", "of=len(cohort)"),
        ("score(cohort.age, heart.sex)", "of=..."),
        ("anything", "of=..."),
        ("len(heart)", 'counts="x"'),
        ("heart.shape[0]", 'counts="x"'),
        ("int(cohort.age.count())", 'counts="x"'),
        ('int((heart.sex == "female").sum())', 'counts="x"'),
        ("float(heart.age.max())", 'of=int(heart.age.count()), statistic="max"'),
    ],
)
def test_a_scalar_is_told_of_how_many_it_is(value: str, added: str) -> None:
    line = f'phtlab.publish("x", {value}, kind="scalar")'
    assert mended(line) == f"{line[:-1]}, {added})"


@pytest.mark.parametrize(
    ("value", "statistic"),
    [
        ("float(heart.age.max())", "max"),
        ("int(ages.min())", "min"),
        ("cohort.age.quantile(0.9)", "quantile"),
        ("round(float(cohort.age.median()), 1)", "quantile"),
        ('heart.age.agg("max")', "max"),
        ('heart.age.describe()["75%"]', "quantile"),
        ('heart.age.describe().loc["max"]', "max"),
        ("np.percentile(cohort.age, 99)", "quantile"),
        ("max(heart.age)", "max"),
        ("heart.age.sort_values().dropna().min()", "min"),
        ("heart.age.max().item()", "max"),
    ],
)
def test_an_extreme_is_declared_as_one(value: str, statistic: str) -> None:
    line = f'phtlab.publish("x", {value}, kind="scalar", of=len(heart))'
    assert mended(line, "output-undeclared-extreme") == f'{line[:-1]}, statistic="{statistic}")'


@pytest.mark.parametrize(
    "value",
    [
        "float(heart.age.iloc[3])",
        "int(heart.age[3])",
        'heart.loc[3, "age"]',
        'heart.at[3, "age"]',
        "float(heart.chol.iloc[i])",
        "heart.age.to_numpy()[0]",
        "sorted(heart.age)[-1]",
        "heart.age.sort_values().iloc[-1]",
        "heart.age.idxmax()",
        "heart.age.head(1).item()",
        "ages.iloc[0]",
    ],
)
def test_one_persons_value_is_named_and_no_change_makes_it_leave(value: str) -> None:
    for more in ("", ", of=len(heart)"):
        findings = found(f'phtlab.publish("x", {value}, kind="scalar"{more})')
        assert "output-single" in findings
        assert not any(one.fix for one in findings.values())


@pytest.mark.parametrize(
    "value",
    [
        "float(heart.age.mean())",
        'float(heart.groupby("sex").age.mean().max())',
        "int(counts.n.max())",
        "coefficients[0]",
        "float(np.corrcoef(heart.age, heart.chol)[0, 1])",
        "heart.shape[0] / 2",
        'heart.age.describe()["mean"]',
    ],
)
def test_what_is_of_many_is_not_taken_for_one_persons(value: str) -> None:
    findings = found(f'phtlab.publish("x", {value}, kind="scalar", of=len(heart))')
    assert not {"output-single", "output-undeclared-extreme"} & set(findings)


def test_a_name_that_is_bound_again_is_not_known() -> None:
    line = 'cohort = 3\nphtlab.publish("x", float(cohort.age.max()), kind="scalar", of=3)'
    assert "output-undeclared-extreme" not in found(line)


@pytest.mark.parametrize(
    ("value", "added"),
    [
        ('heart.groupby("sex").size().rename("n").reset_index()', 'counts="n"'),
        ('heart.groupby("sex").size().reset_index(name="k")', 'counts="k"'),
        ("heart.sex.value_counts().reset_index()", 'counts="count"'),
        ('heart.groupby("sex").agg(m=("age", "mean"), k=("age", "size"))', 'counts="k"'),
        ('{"sex": ["f", "m"], "n": [100, 204]}', 'counts="n"'),
        ('heart.groupby("sex").age.mean().reset_index()', "counts=..."),
    ],
)
def test_a_table_is_told_which_column_counts(value: str, added: str) -> None:
    line = f'phtlab.publish("x", {value})'
    assert mended(line) == f"{line[:-1]}, {added})"


def test_a_row_for_each_person_is_mended_by_no_argument() -> None:
    assert found('phtlab.publish("x", heart[["age"]])')["output-uncounted"].fix is None


@pytest.mark.parametrize(
    ("drawn", "counts"),
    [
        ("axes.hist(heart.age)", '"y"'),
        ("axes.bar(names, sizes)", '"y"'),
        ("axes.scatter(heart.age, heart.chol)", "..."),
        ("axes.hist(heart.age)\naxes.plot(heart.age, heart.chol)", "..."),
        ("axes.anything()", "..."),
    ],
)
def test_a_figure_is_told_what_counts_where_it_is_binned(drawn: str, counts: str) -> None:
    head = f"import matplotlib.pyplot as plt\nfigure, axes = plt.subplots()\n{drawn}\n"
    line = head + 'phtlab.publish("x", figure, kind="figure")'
    assert mended(line) == f"{line[:-1]}, counts={counts})"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ('int((heart.sex == "female").sum())', '{"sex": "female"}'),
        ('int((heart["pain"] == 4).sum())', '{"pain": "4"}'),
        ('len(heart[heart.sex == "female"])', '{"sex": "female"}'),
        ('len(heart.loc[heart.sex == "female", :])', '{"sex": "female"}'),
        (
            'int(((heart.sex == "female") & (heart.pain == 4)).sum())',
            '{"sex": "female", "pain": "4"}',
        ),
        ("int((heart.age > 50).sum())", "..."),
        ("len(cohort)", "..."),
        ('int((cohort.sex == "female").sum())', "..."),
    ],
)
def test_a_count_of_some_beside_others_says_of_which(value: str, where: str) -> None:
    line = f'phtlab.publish("x", {value}, kind="scalar", counts="x")'
    assert mended(line, "output-group", TABLE) == f"{line[:-1]}, where={where})"
    assert "output-group" not in found(line)  # nothing else counts
    line = f'phtlab.publish("x", {value}, kind="scalar")'
    assert mended(line, tail=TABLE) == f'{line[:-1]}, counts="x", where={where})'


def test_counts_of_the_same_people_need_not_say_of_which() -> None:
    table = TABLE.replace("heart", "cohort")
    assert "output-group" not in found('phtlab.publish("x", len(cohort), "scalar", "x")' + table)
    assert "output-group" not in found('phtlab.publish("x", len(heart), "scalar", "x")' + table)


def test_a_model_declares_people_and_arrays() -> None:
    line = 'phtlab.publish("x", {"w": fit(cohort), "b": np.zeros(1)}, kind="model")'
    assert mended(line) == f"{line[:-1]}, of=len(cohort))"
    assert mended(line, "output-arrays") == f'{line[:-1]}, tensors=["w", "b"])'
    assert "output-arrays" not in found('phtlab.publish("x", {"coef_": w}, "model", of=9)')
    partly = found('phtlab.publish("x", {"w": 1, "b": 2}, "model", of=9, tensors=["w"])')
    assert partly["output-arrays"].message.count("'b'") == 1
    assert partly["output-arrays"].fix is None
    computed = 'phtlab.publish("x", {**weights}, "model", of=9)'
    assert mended(computed, "output-arrays") == f"{computed[:-1]}, tensors=...)"


@pytest.mark.parametrize("word", ["of", "counts", "where", "tensors", "by"])
def test_a_placeholder_is_an_error_until_it_is_filled_in(word: str) -> None:
    kind = "model" if word == "tensors" else "scalar"
    (finding,) = read(f'import phtlab\nphtlab.publish("x", 1, "{kind}", {word}=...)').errors
    assert finding.code == "output-placeholder"
    assert finding.message.startswith(f"cell 1, line 2: {word}= of 'x' is still to be filled in")


@pytest.mark.parametrize(
    ("call", "after"),
    [
        ("publish('x', 1, 'scalar')", "publish('x', 1, 'scalar', of=3)"),
        ("publish('x', 1, 'scalar',)", "publish('x', 1, 'scalar', of=3)"),
        ("publish('x', (1), kind=('scalar'))", "publish('x', (1), kind=('scalar'), of=3)"),
        ("publish('x', 1, 'scalar')  # ,)", "publish('x', 1, 'scalar', of=3)  # ,)"),
        ("y = '€😀'; publish('x', '😀)', 'f')", "y = '€😀'; publish('x', '😀)', 'f', of=3)"),
        ("publish(\n    'x',\n    1,\n)", "publish(\n    'x',\n    1,\n    of=3,\n)"),
        ("publish(\n    'x',\n    1  # one\n)", "publish(\n    'x',\n    1,\n    of=3,  # one\n)"),
        ("publish('x',\n        1)", "publish('x',\n        1, of=3)"),
        ("publish('x', f'{a}, {b}')", "publish('x', f'{a}, {b}', of=3)"),
        ("f(publish('x', 1), (2))", "f(publish('x', 1, of=3), (2))"),
        ("publish('x', [\n    1,\n])", "publish('x', [\n    1,\n], of=3)"),
    ],
)
def test_an_argument_is_added_as_its_author_would(call: str, after: str) -> None:
    fix = add_arguments(call, _call(ast.parse(call)), {"of": "3"})
    assert fix is not None
    assert fix.apply(call) == after
    assert fix.title == "Declare of=3"
    (*kept, added) = _call(ast.parse(after)).keywords
    assert [ast.dump(one) for one in kept] == [
        ast.dump(one) for one in _call(ast.parse(call)).keywords
    ]
    assert ast.unparse(added) == "of=3"


_SPACE = st.sampled_from(["", " ", "\n", "  # c, )\n", "\t", " \\\n"])
_VALUE = st.sampled_from(["1", "'😀,)'", "(1)", "((a, b))", "[1,\n2,]", "f(x, y)", '"""\n)"""'])


@given(st.lists(st.tuples(_SPACE, _VALUE, _SPACE), min_size=1, max_size=4), st.booleans(), _SPACE)
def test_an_argument_is_added_whatever_the_call_looks_like(
    parts: list[tuple[str, str, str]], comma: bool, end: str
) -> None:
    inner = ",".join("".join(part) for part in parts) + ("," if comma else "") + end
    source = f"é = publish({inner}) + 1\nz = (2)"
    fix = add_arguments(source, _call(ast.parse(source)), {"of": "3"})
    assert fix is not None
    expected = ast.parse(source)
    _call(expected).keywords.append(ast.keyword("of", ast.Constant(3)))
    assert ast.dump(ast.parse(fix.apply(source))) == ast.dump(expected)


def _call(tree: ast.Module) -> ast.Call:
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "publish"
    )


def test_a_call_that_a_magic_changes_is_left_alone() -> None:
    line = "phtlab.publish('x', 1, 'scalar')"
    timed = {one.code: one for one in read(f"import phtlab\n%time {line}").findings}
    assert timed["output-uncounted"].fix is None
    source = f"%%time\nimport phtlab\n{line}"  # the call itself stands as it is
    fix = {one.code: one for one in read(source).findings}["output-uncounted"].fix
    assert fix is not None
    assert fix.apply(source).endswith("phtlab.publish('x', 1, 'scalar', of=...)")


def test_another_language_has_words_and_no_change() -> None:
    (finding,) = read('publish("x", 1, kind = "scalar")', "r").findings
    assert (finding.code, finding.fix) == ("output-uncounted", None)


def test_long_chains_of_names_are_followed_to_the_end_or_not_at_all() -> None:
    lines = "\n".join(f"y{n} = y{n - 1} + 1" for n in range(1, 400))
    source = f"{HEAD}y0 = heart.age\n{lines}\n" + "\n".join(
        f'phtlab.publish("x{n}", float(y{n}.max()), kind="scalar")' for n in range(0, 400, 8)
    )
    told = {one.message.split("'")[1] for one in read(source).findings if "extreme" in one.code}
    assert "x0" in told
    assert "x392" not in told
