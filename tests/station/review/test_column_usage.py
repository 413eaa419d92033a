"""Which data and columns code touches, as far as its text tells; and where it does not tell."""

from __future__ import annotations

import ast

import pytest

from phtlab.station.review.column_usage import find_column_usage, find_mentioned_columns
from phtlab.station.review.examination import DataUsage

COLUMNS = {"heart": ("age", "sex", "chol", "thal"), "labs": ("sex", "crp")}
OPEN = "import phtlab\nheart = phtlab.dataset('heart')\n"


def read(*cells: str) -> dict[str, DataUsage]:
    trees = [(n, ast.parse(source)) for n, source in enumerate(cells, start=1)]
    return {data.name: data for data in find_column_usage(trees, COLUMNS)}


@pytest.mark.parametrize(
    ("source", "columns"),
    [
        ("x = heart.age", ("age",)),
        ("x = heart['age']", ("age",)),
        ("x = heart[['age', 'sex']]", ("age", "sex")),
        ("x = heart[heart.age >= 40]", ("age",)),
        ("x = heart.loc[heart['age'] > 1, 'chol']", ("age", "chol")),
        ("x = heart.groupby('sex').size()", ("sex",)),
        ("x = heart.groupby(['sex', 'thal']).agg(n=('age', 'mean'))", ("age", "sex", "thal")),
        ("x = heart.query('age > 40 and chol < 3')", ("age", "chol")),
        ("x = heart.assign(old=heart.age > 60)", ("age",)),
        ("old = heart[heart.age > 1]\ny = old.copy()\nz = y['chol']", ("age", "chol")),
        ("x = heart.sort_values(by='age').head(3)", ("age",)),
        ("import pandas as pd\nx = pd.crosstab(heart.sex, heart.thal)", ("sex", "thal")),
    ],
)
def test_columns_named_on_a_table_are_found(source: str, columns: tuple[str, ...]) -> None:
    heart = read(OPEN + source)["heart"]
    assert tuple(sorted(heart.columns)) == columns
    assert (heart.whole, heart.untold) == ((), ())


@pytest.mark.parametrize(
    "source",
    [
        "x = heart.describe()",
        "x = heart.to_numpy()",
        "x = heart.values",
        "x = heart.columns",
        "x = heart.iloc[:, 3]",
        "model.fit(heart)",
        "print(heart)",
        "for column in heart: pass",
        "x = [c for c in heart]",
        "phtlab.publish('rows', heart)",
        "tables = [heart]",
        "tables = {'h': heart[heart.age > 3]}",
        "tables['h'] = heart",
        "def f():\n    return heart",
    ],
)
def test_a_table_that_is_handed_on_whole_may_touch_any_column(source: str) -> None:
    assert read(OPEN + source)["heart"].whole


def test_a_computed_key_is_said_to_be_one() -> None:
    heart = read(OPEN + "name = 'a' + 'ge'\nx = heart[name]")["heart"]
    assert heart.untold == ("a computed key (cell 1, line 4)",)


def test_names_are_followed_through_cells_and_aliases() -> None:
    found = read(
        "from phtlab import dataset as d",
        "first = d('heart')\nsecond = third = first[first.age > 3]",
        "joined = third.merge(d('labs'), on='sex')\nx = joined.crp",
    )
    assert set(found["heart"].columns) == {"age", "sex"}
    assert set(found["labs"].columns) == {"crp", "sex"}


def test_a_data_set_of_which_no_column_is_declared_is_named() -> None:
    found = read("import phtlab\nx = phtlab.dataset('images')['age']")
    assert found["images"].columns == ()


def test_a_data_set_is_opened_by_a_keyword_too() -> None:
    assert read("import phtlab as p\nx = p.dataset(name='heart').age")["heart"].columns == ("age",)


def test_a_computed_data_set_is_none_that_is_known() -> None:
    assert read("import phtlab\nx = phtlab.dataset('he' + 'art')") == {}


def test_a_column_mentioned_anywhere_is_found() -> None:
    tree = ast.parse("def f(table):\n    return getattr(table, 'chol') + table.crp")
    assert find_mentioned_columns([(1, tree)], COLUMNS) == {"heart": ("chol",), "labs": ("crp",)}
