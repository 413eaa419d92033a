"""`publish`, in the sandbox and on an analyst's machine."""

from __future__ import annotations

import errno
import json
import math
import pickle

import numpy as np
import pandas as pd
import pytest

from phtlab.runtime import PublishError, publish, published, publishing
from phtlab.runtime.rounds import local_rounds


@pytest.fixture
def local(monkeypatch):
    monkeypatch.delenv("PHTLAB_JOB", raising=False)
    monkeypatch.setattr(publishing, "_kept", {})
    monkeypatch.setattr(publishing, "_kept_in", {})


@pytest.fixture
def inside(tmp_path, monkeypatch):
    """A sandbox's environment in this process, and a way to declare outputs."""
    monkeypatch.setenv("PHTLAB_JOB", str(tmp_path / "job.json"))
    monkeypatch.setenv("PHTLAB_OUT", str(tmp_path / "out"))
    (tmp_path / "out").mkdir()

    def declare(*outputs):
        job = {"version": 1, "kernel": "python3", "seconds": 1, "outputs": list(outputs)}
        (tmp_path / "job.json").write_text(json.dumps(job))
        return tmp_path / "out/outputs"

    return declare


def declared(name, kind="table", counts=None):
    return {"name": name, "kind": kind, "counts": counts}


def refusal(*args, **options):
    with pytest.raises(PublishError) as caught:
        publish(*args, **options)
    return str(caught.value)


def test_table_is_written_with_its_index(inside):
    folder = inside(declared("counts", counts="n"))
    publish("counts", pd.DataFrame({"sex": ["f"], "n": [12]}), counts="n")

    assert json.loads((folder / "counts.json").read_bytes()) == {
        "name": "counts",
        "kind": "table",
        "counts": "n",
        "files": ["counts.table.json"],
    }
    assert json.loads((folder / "counts.table.json").read_bytes()) == {
        "columns": [{"name": "sex", "type": "string"}, {"name": "n", "type": "integer"}],
        "data": [["f"], [12]],
    }


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (True, {"type": "boolean", "value": True}),
        (3, {"type": "integer", "value": 3}),
        (2.5, {"type": "number", "value": 2.5}),
        (math.nan, {"type": "number", "value": None}),
        (np.int64(3), {"type": "integer", "value": 3}),
        (np.float32(0.5), {"type": "number", "value": 0.5}),
        (np.bool_(True), {"type": "boolean", "value": True}),
        (np.array(7), {"type": "integer", "value": 7}),
    ],
)
def test_scalars(inside, value, content):
    folder = inside(declared("s", "scalar"))
    publish("s", value, kind="scalar")

    assert json.loads((folder / "s.scalar.json").read_bytes()) == content


def test_figure_model_and_file_write_their_files(inside, tmp_path):
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder = inside(
        declared("f", "figure"),
        declared("m", "model") | {"of": True, "tensors": ["w"]},
        declared("b", "file"),
    )
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    publish("f", figure, kind="figure")
    plt.close(figure)
    publish("m", {"w": np.ones(2)}, kind="model", of=np.int64(304), tensors="w")
    (tmp_path / "notes").write_bytes(b"content")
    publish("b", tmp_path / "notes", kind="file")

    assert sorted(path.name for path in folder.iterdir()) == [
        "b.bin",
        "b.json",
        "f.data.json",
        "f.json",
        "f.png",
        "m.json",
        "m.safetensors",
    ]
    assert (folder / "b.bin").read_bytes() == b"content"
    assert json.loads((folder / "f.json").read_bytes())["files"] == ["f.png", "f.data.json"]
    assert json.loads((folder / "m.json").read_bytes())["of"] == 304


def test_undeclared_output_is_refused_and_told_what_to_do(inside):
    folder = inside(declared("counts"), declared("age"))

    assert refusal("other", {"n": [1]}) == (
        "output 'other' is not declared by this train (declared: age, counts). Publish it in a "
        "station cell with its name written out, and build the train again."
    )
    assert not folder.exists()


def test_output_of_another_kind_or_counts_than_declared_is_refused(inside):
    inside(declared("a", "scalar"), declared("b", counts="n"))

    assert "is declared as kind='scalar', counts=None, and was published as kind='table'" in (
        refusal("a", {"n": [1]})
    )
    assert "is declared as kind='table', counts='n'" in refusal("b", {"n": [1]})


COSTS = {"sex": ["f"], "n": [12], "cost": [900.0], "top1": [90], "top2": [80]}


def test_sums_are_published_with_their_largest_contributions(inside):
    output = declared("costs", counts="n") | {"total": "cost", "largest": ["top1", "top2"]}
    folder = inside(output)
    publish("costs", COSTS, counts="n", total="cost", largest=("top1", "top2"))
    assert (folder / "costs.table.json").exists()


def test_columns_other_than_declared_or_of_no_numbers_are_refused(inside):
    inside(declared("costs", counts="n") | {"by": ["sex"]})
    assert "other by=, total=, largest=" in refusal("costs", COSTS, counts="n", by="n")
    assert "has no column 'age'" in refusal("costs", COSTS, counts="n", by=["age"])
    assert "holds no numbers" in refusal("costs", COSTS, counts="n", total="sex", largest="top1")
    assert "total= and largest= together" in refusal("costs", COSTS, counts="n", total="cost")
    assert "about a table with counts=" in refusal("costs", COSTS, by="sex")
    assert "names a column, or several" in refusal("costs", COSTS, counts="n", by=3)


def test_a_share_is_published_with_how_many_it_is_of(inside):
    folder = inside(declared("ill", "scalar") | {"of": True})
    publish("ill", 0.25, kind="scalar", of=np.int64(120))
    assert json.loads((folder / "ill.scalar.json").read_bytes()) == {
        "type": "number",
        "value": 0.25,
        "of": 120,
    }


def test_of_is_a_number_of_persons_and_as_declared(inside):
    inside(declared("ill", "scalar"))
    assert "where= or to= than it" in refusal("ill", 0.25, kind="scalar", of=120)
    assert "whole number of persons" in refusal("ill", 0.25, kind="scalar", of=1.5)
    assert "no count itself" in refusal("ill", 12, kind="scalar", counts="ill", of=12)


def test_a_count_says_of_whom_it_is(inside):
    said = declared("women", "scalar") | {"counts": "women", "where": {"sex": "1", "ill": "True"}}
    folder = inside(said)
    call = {"kind": "scalar", "counts": "women"}
    assert "other by=" in refusal("women", 12, **call, where={"sex": 1})
    assert "which persons it counts" in refusal("women", 0.5, kind="scalar", where={"sex": 1})
    assert "which persons it counts" in refusal("women", 12, **call, where=["sex"])
    publish("women", 12, **call, where={"sex": 1, "ill": True})
    assert (folder / "women.json").exists()


def test_a_model_names_its_arrays(inside):
    inside(declared("m", "model") | {"tensors": ["w", "layer*.bias"]})
    undeclared = {"w": np.ones(2), "Jane_Doe_1950": np.ones(1)}
    names = ["w", "layer*.bias"]
    assert "an array 'Jane_Doe_1950'" in refusal("m", undeclared, kind="model", tensors=names)
    assert "other by=" in refusal("m", {"w": np.ones(2)}, kind="model", tensors=["w"])
    assert "the arrays of a model" in refusal("m", {"n": [1]}, tensors=names)
    publish("m", {"w": np.ones(2), "layer12.bias": np.ones(1)}, kind="model", tensors=names)


def test_a_single_person_s_value_says_so(inside):
    inside(declared("oldest", "scalar") | {"of": True, "statistic": "max"})
    assert "'max' or the 'min'" in refusal("oldest", 77, kind="scalar", of=304, statistic="mean")
    assert "'max' or the 'min'" in refusal("oldest", {"n": [1]}, statistic="max")
    assert "where= or to=" in refusal("oldest", 77, kind="scalar", of=304)
    publish("oldest", 77, kind="scalar", of=304, statistic="max")


def test_second_publish_of_a_name_is_refused(inside):
    inside(declared("a", "scalar"))
    publish("a", 1, kind="scalar")

    assert refusal("a", 2, kind="scalar") == (
        "output 'a' was published already. Each output is published once; give the second one "
        "a name of its own."
    )


def test_output_that_does_not_fit_leaves_nothing(inside, monkeypatch):
    from phtlab.runtime import record

    folder = inside(declared("a", "figure"), declared("t"))
    real = record.write_atomic

    def full_at_the_index(where, name, content):
        if name == "t.json":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(where, name, content)

    monkeypatch.setattr(record, "write_atomic", full_at_the_index)
    with pytest.raises(OSError) as caught:
        publish("t", {"n": [1]})
    assert caught.value.errno == errno.ENOSPC

    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["", "A", "1a", "../x", "a b", "a.json", "ä", 3, None, "a" * 64])
def test_name_that_is_none_is_refused(local, name):
    assert "cannot name an output. Use lower-case letters" in refusal(name, 1, kind="scalar")


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        (1, {"kind": "pickle"}, "there is no kind 'pickle'. Kinds are table, scalar, figure"),
        (b"", {"kind": "file", "counts": "n"}, "and this is a file with counts='n'"),
        (1.5, {"kind": "scalar", "counts": "n"}, "is declared as a count, and a count is a whole"),
        (-1, {"kind": "scalar", "counts": "n"}, "is declared as a count, and a count is a whole"),
        ("text", {"kind": "scalar"}, "and this is a str. Publish text or several values as a"),
        (2**64, {"kind": "scalar"}, "is an integer that 64 bits do not hold"),
        (math.inf, {"kind": "scalar"}, "is infinite, which a scalar cannot be"),
        ([1, 2], {"kind": "scalar"}, "one bool, int or float, and this is a list"),
        (np.arange(2), {"kind": "scalar"}, "and this is a ndarray. Publish text or several values"),
        (3, {"kind": "file"}, "a file is a path or bytes, and this is a int"),
        ("/nowhere", {"kind": "file"}, "there is no file /nowhere. Write it, then publish it."),
    ],
)
def test_what_does_not_fit_its_kind_is_refused(local, value, options, message):
    assert message in refusal("a", value, **options)


def test_locally_outputs_are_kept_for_looking_at(local):
    publish("counts", {"n": [12]}, counts="n")

    kept = published()["counts"]
    assert (kept.kind, kept.counts, kept.files) == ("table", "n", ["counts.table.json"])
    assert json.loads(kept.content[".table.json"])["data"] == [[12]]
    assert kept.value == {"n": [12]}
    assert "published already" in refusal("counts", {"n": [1]})


def test_a_refusal_survives_a_pool_of_processes(local):
    with pytest.raises(PublishError) as caught:
        publish("a", [1], kind="scalar")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.code, again.words) == (
        str(caught.value),
        "scalar-type",
        {"output": "a", "type": "list"},
    )


def test_in_a_notebook_a_cell_run_again_replaces_its_output(local, monkeypatch):
    class Shell:
        execution_count = 1

    shown = []
    for module in (publishing, local_rounds):
        monkeypatch.setattr(module, "shell", lambda: Shell)
    monkeypatch.setattr(publishing, "_show", shown.append)
    publish("n", 1, kind="scalar")
    assert "published already" in refusal("n", 2, kind="scalar")
    Shell.execution_count = 2
    publish("n", 3, kind="scalar")

    assert published()["n"].value == 3
    assert [output.value for output in shown] == [1, 3]


def test_same_cell_publishes_in_the_sandbox(sandbox):
    sandbox.outputs = [declared("counts", counts="n"), declared("mean", "scalar")]
    data = sandbox.root / "heart.csv"
    data.write_text("age,sex\n40,f\n50,m\n60,f\n")
    sandbox.datasets = {
        "heart": {
            "path": str(data),
            "format": "csv",
            "columns": {"age": "integer", "sex": "string"},
        }
    }
    record = sandbox.run(
        "import phtlab\n"
        "heart = phtlab.dataset('heart')\n"
        "counts = heart.groupby('sex').size().rename('n').reset_index()\n"
        "phtlab.publish('counts', counts, counts='n')\n"
        "phtlab.publish('mean', heart.age.mean(), kind='scalar')"
    )

    assert record["outcome"] == "completed", record["error"]
    assert sandbox.output("counts.table.json")["data"] == [["f", "m"], [2, 1]]
    assert sandbox.output("mean.scalar.json") == {"type": "number", "value": 50.0}
