"""Declared outputs and data sets, read from the calls."""

from __future__ import annotations

from typing import Any

import pytest

from phtlab.notebook import DeclaredOutput, read_analysis


def station(nb: Any, source: str) -> Any:
    return read_analysis(nb(("station", source)))


@pytest.mark.parametrize(
    "source",
    [
        "import phtlab\nphtlab.dataset('heart')\nphtlab.publish('counts', 1, counts='n')",
        "import phtlab as p\np.dataset('heart')\np.publish('counts', 1, counts='n')",
        "from phtlab import dataset, publish\ndataset('heart')\npublish('counts', 1, counts='n')",
        "from phtlab import dataset as d, publish as p\nd('heart')\np('counts', 1, 'table', 'n')",
        "import phtlab.runtime\nphtlab.runtime.dataset('heart')\n"
        "phtlab.runtime.publish(name='counts', value=1, kind='table', counts='n')",
        "import phtlab\ndef f():\n"
        "    phtlab.publish('counts', phtlab.dataset('heart'), counts='n')\nf()",
    ],
)
def test_every_form_of_import_is_read(nb: Any, source: str) -> None:
    analysis = station(nb, source)
    assert analysis.findings == ()
    assert analysis.outputs == (DeclaredOutput("counts", "table", "n"),)
    assert analysis.datasets == ("heart",)


def test_an_import_in_another_cell_counts(nb: Any) -> None:
    analysis = read_analysis(
        nb(("station", "import phtlab as p"), ("round", "p.publish('a', 1, kind='scalar')"))
    )
    assert analysis.outputs == (DeclaredOutput("a", "scalar"),)


def test_a_tables_columns_are_read_from_the_call(nb: Any) -> None:
    call = "publish('a', x, counts='n', by=['sex'], total='cost', largest=('top1', 'top2'))"
    analysis = station(nb, f"from phtlab import publish\n{call}")
    assert analysis.outputs == (
        DeclaredOutput("a", "table", "n", ("sex",), "cost", ("top1", "top2")),
    )
    share = station(nb, "from phtlab import publish\npublish('b', x, 'scalar', of=len(x))")
    assert share.outputs == (DeclaredOutput("b", "scalar", of=True),)


@pytest.mark.parametrize(
    ("call", "code", "message"),
    [
        ("publish(name, 1)", "output-computed", "the output's name is computed. Write it out"),
        ("publish(f'a{1}', 1)", "output-computed", "the output's name is computed"),
        ("publish()", "output-computed", "the output's name is computed"),
        ("publish(*[1, 2])", "output-computed", "called with * or **"),
        ("publish('a', 1, **{})", "output-computed", "called with * or **"),
        ("publish('Counts', 1)", "output-name", "'Counts' is not an output's name"),
        ("publish('a/b', 1)", "output-name", "'a/b' is not an output's name"),
        ("publish('a', 1, kind=name)", "output-kind", "the kind of 'a' must be written out"),
        ("publish('a', 1, kind='plot')", "output-kind", "table, scalar, figure, model, file"),
        ("publish('a', 1, counts=name)", "output-counts", "the counts of 'a' must be written out"),
        ("publish('a', 1, kind='model', counts='n')", "output-counts", "'a' is a model; only a"),
        (
            "publish('a', 1, counts='n', by=name)",
            "output-columns",
            "by= of 'a' must be written",
        ),
        ("publish('a', 1, counts='n', by=['b', name])", "output-columns", "must be written out"),
        ("publish('a', 1, by='b')", "output-columns", "which only a table with counts= has"),
        (
            "publish('a', 1, counts='n', total='c')",
            "output-columns",
            "total= and largest= together",
        ),
        ("publish('a', 1, of=12)", "output-columns", "only a model has, and a scalar"),
        ("publish('a', 1, 'scalar', statistic='mean')", "output-statistic", "max, min, quantile"),
        ("publish('a', 1, statistic='max')", "output-statistic", "of a scalar that is no count"),
        ("publish('a', 1, 'model', tensors=list('w'))", "output-tensors", "must be written out"),
        ("publish('a', 1, 'scalar', 'a', where=name)", "output-where", "must be written out"),
        ("publish('a', 1, 'scalar', where={'s': 'f'})", "output-where", "of what has counts="),
        ("publish('a', 1, counts='n', where={'s': name})", "output-where", "one label"),
        ("publish('a', 1, counts='n', by='s', where={'s': 'f'})", "output-where", "none of them"),
        ("publish('a', 1, tensors=['w'])", "output-tensors", "the names of a model's arrays"),
        ("publish('a', 1, 'model', tensors=['w', 'w'])", "output-tensors", "each once"),
        ("publish('a', 1, 'model', tensors='w w')", "output-tensors", "must be written out"),
        ("dataset(name)", "dataset-computed", "the data set's name is computed"),
        ("dataset('Heart')", "dataset-name", "'Heart' is not a data set's name"),
        ("send = publish", "publish-indirect", "'publish' is passed on without being called"),
        ("print(dataset)", "dataset-indirect", "'dataset' is passed on without being called"),
    ],
)
def test_what_cannot_be_known_before_a_run_is_an_error(
    nb: Any, call: str, code: str, message: str
) -> None:
    analysis = station(nb, f"from phtlab import publish, dataset\nname = 'a'\n{call}")
    (finding,) = analysis.errors
    assert (finding.code, finding.line) == (code, 3)
    assert finding.message.startswith("cell 1, line 3: ")
    assert message in finding.message


def test_what_counts_people_is_declared_for_tables_figures_and_scalars(nb: Any) -> None:
    """As runtime's publish takes it and the airlock checks it."""
    analysis = station(
        nb,
        "import phtlab\n"
        "phtlab.publish('bars', 1, kind='figure', counts='y')\n"
        "phtlab.publish('patients', 1, kind='scalar', counts='patients')\n"
        "phtlab.publish('cells', 1, counts='n')",
    )
    assert not analysis.errors
    assert [o.counts for o in analysis.outputs] == ["y", "patients", "n"]


def test_an_output_published_twice_names_the_other_place(nb: Any) -> None:
    (finding,) = station(nb, "from phtlab import publish\npublish('a', 1)\npublish('a', 2)").errors
    assert (finding.code, finding.line) == ("output-twice", 3)
    assert "'a' is published here and in line 2. Give each output its own" in finding.message
    content = nb(
        ("station", "from phtlab import publish\npublish('a', 1)"), ("station", "publish('a', 1)")
    )
    (finding,) = read_analysis(content).errors
    assert "here and in cell 1" in finding.message


def test_alternatives_may_publish_the_same_output(nb: Any) -> None:
    source = (
        "from phtlab import publish\n"
        "if 1 > 0:\n    publish('a', 1, kind='scalar')\nelse:\n    publish('a', 2, kind='scalar')"
    )
    analysis = station(nb, source)
    assert analysis.errors == ()
    assert analysis.outputs == (DeclaredOutput("a", "scalar"),)
    (finding,) = station(nb, source.replace("2, kind='scalar'", "2")).errors
    assert "with another kind or counts than in line 3" in finding.message


def test_calls_in_local_cells_declare_nothing(nb: Any) -> None:
    analysis = read_analysis(
        nb(("station", "import phtlab"), (None, "phtlab.publish('a', phtlab.dataset('heart'))"))
    )
    assert (analysis.outputs, analysis.datasets, analysis.errors) == ((), (), ())
    assert [f.code for f in analysis.warnings] == ["no-output", "publish-local"]


def test_a_function_of_the_same_name_is_not_ours(nb: Any) -> None:
    analysis = station(nb, "def publish(name): return name\npublish(1 + 1)\nx = [].publish")
    assert analysis.errors == ()


# -- other languages


def foreign(nb: Any, *cells: tuple[str | None, str], **given: Any) -> Any:
    return read_analysis(nb(*cells, language="R", kernel="ir", **given))


def test_outputs_and_data_sets_of_an_r_notebook(nb: Any) -> None:
    analysis = foreign(
        nb,
        (
            "station",
            'library(phtlab)\nheart <- dataset("heart")\n'
            "counts <- aggregate(n ~ sex, heart, sum) # publish('no', 1)\n"
            'publish("counts", counts, counts = "n")\n'
            "phtlab::publish('plot', f(c(1, 2), \"),\"), kind = 'figure', counts = NULL)\n"
            'publish("share", 0.5, kind = "scalar", of = nrow(heart))\n'
            'publish <- function(x) x\nmy_publish("no")\nx$publish("no")',
        ),
        (None, 'publish("local", 1)'),
    )
    assert analysis.language == "r"
    assert [finding.code for finding in analysis.findings] == ["output-uncounted"]
    assert analysis.outputs == (
        DeclaredOutput("counts", "table", "n"),
        DeclaredOutput("plot", "figure"),
        DeclaredOutput("share", "scalar", of=True),
    )
    assert analysis.datasets == ("heart",)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("x <- 1\npublish(paste0('a', 1), x)", "output-computed"),
        ("\npublish('A b', x)", "output-name"),
        ("\npublish('a', x, kind = k)", "output-kind"),
        ("\npublish('a', x, counts = k)", "output-counts"),
        ("\ndataset(name)", "dataset-computed"),
        ("publish('a', 1)\npublish('a', 1, kind = 'scalar')", "output-twice"),
    ],
)
def test_findings_in_another_language(nb: Any, source: str, code: str) -> None:
    (finding,) = foreign(nb, ("station", source)).errors
    assert (finding.code, finding.line) == (code, 2)


def test_parameters_of_another_language_come_from_the_metadata(nb: Any) -> None:
    schema = {"type": "integer", "minimum": 18, "maximum": 100, "default": 40}
    analysis = foreign(
        nb,
        ("parameters", "min_age <- 40"),
        ("station", "publish('a', min_age, kind = 'scalar', of = 304)"),
        metadata={"phtlab": {"parameters": {"min_age": schema}}},
    )
    assert analysis.findings == ()
    assert analysis.parameters.validate({}) == {"min_age": 40}


@pytest.mark.parametrize(
    ("declared", "code", "message"),
    [
        ({}, "parameter-declaration", "cell 1 is the parameters cell, but the notebook's metadata"),
        ([], "parameter-declaration", "is not an object of names"),
        ({"x": {"type": "date"}}, "parameter-declaration", "the type is 'date'"),
        ({"x y": {"type": "integer"}}, "parameter-name", "'x y' is not a parameter's name"),
    ],
)
def test_metadata_that_declares_nothing_usable(
    nb: Any, declared: Any, code: str, message: str
) -> None:
    found = foreign(
        nb,
        ("parameters", "x <- 1"),
        ("station", "publish('a', 1)"),
        metadata={"phtlab": {"parameters": declared}},
    ).errors
    assert found[0].code == code
    assert message in found[0].message
