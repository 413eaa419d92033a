"""Data sets as declared, checked against their files; twins that never saw a row."""

from __future__ import annotations

import csv
import io
import random
import tomllib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from phtlab.errors import DataSetError
from phtlab.station.daemon.station_description import profile_of
from phtlab.station.data.datasets import (
    add_dataset,
    count_rows,
    load_datasets,
    readable_in_sandbox,
    remove_dataset,
    twin_of,
)
from phtlab.station.data.schema import DataSetSchema
from phtlab.station.data.twin import make_twin
from phtlab.station.settings.folder import StationFolder
from phtlab.train.canonical import digest
from tests.station.station_world import SCHEMA, make_world

CSV = "age,sex\n40,female\n51,male\n"


@pytest.fixture
def folder(tmp_path: Path) -> StationFolder:
    folder = StationFolder(tmp_path / "station")
    folder.create()
    return folder


def written(tmp_path: Path, content: str = CSV, name: str = "heart.csv") -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def test_a_declared_data_set_is_found_again(folder: StationFolder, tmp_path: Path) -> None:
    added = add_dataset(folder, "heart", written(tmp_path), SCHEMA)
    assert load_datasets(folder) == {"heart": added}
    assert added.format == "csv"
    assert added.schema.title == "Made-up hearts"
    remove_dataset(folder, "heart")
    assert load_datasets(folder) == {}
    assert (tmp_path / "heart.csv").exists()


def test_parquet_and_folders_are_data_sets_too(folder: StationFolder, tmp_path: Path) -> None:
    path = tmp_path / "heart.parquet"
    pyarrow.parquet.write_table(pa.table({"age": [40, 50], "sex": ["female", "male"]}), path)
    assert count_rows(add_dataset(folder, "heart", path, SCHEMA)) == 2
    images = tmp_path / "images"
    images.mkdir()
    added = add_dataset(folder, "skin", images, b'title = "Lesions"\n')
    assert (added.format, count_rows(added)) == ("folder", None)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("age\n40\n", "lacks the declared column(s) sex"),
        (
            "age,sex,name\n40,male,Jane\n",
            "has the undeclared column(s) 'name'. A run would see them",
        ),
        ("age,sex\nold,male\n", "the column 'age' is declared as integer, and a cell of it"),
    ],
)
def test_a_file_that_is_not_as_declared_is_refused_without_quoting_it(
    folder: StationFolder, tmp_path: Path, content: str, says: str
) -> None:
    with pytest.raises(DataSetError) as refused:
        add_dataset(folder, "heart", written(tmp_path, content), SCHEMA)
    assert says in str(refused.value)
    assert "Jane" not in str(refused.value)
    assert "old" not in str(refused.value).replace("declared", "")
    assert load_datasets(folder) == {}


DOUBLED = ["age,sex,age", "age,sex,Age", "age,sex, age ", "age,sex,\u00a0AGE", '"age",sex,"age"']


@pytest.mark.parametrize("header", DOUBLED)
def test_two_columns_of_one_name_are_refused_in_a_csv(
    folder: StationFolder, tmp_path: Path, header: str
) -> None:
    with pytest.raises(DataSetError) as refused:
        add_dataset(folder, "heart", written(tmp_path, f"{header}\n40,male,7\n"), SCHEMA)
    assert "has columns of the same name: 'age', " in str(refused.value)
    assert "7" not in str(refused.value).replace(str(tmp_path), "")
    assert load_datasets(folder) == {}


@pytest.mark.parametrize("other", ["age", "Age", " age", "\ufeffage"])
def test_two_columns_of_one_name_are_refused_in_parquet(
    folder: StationFolder, tmp_path: Path, other: str
) -> None:
    path = tmp_path / "heart.parquet"
    table = pa.Table.from_arrays([pa.array([1])] * 3, names=["age", "sex", other])
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(DataSetError) as refused:
        add_dataset(folder, "heart", path, SCHEMA)
    assert "has columns of the same name: 'age', " in str(refused.value)


def test_columns_whose_names_are_only_alike_are_declared_as_ever(
    folder: StationFolder, tmp_path: Path
) -> None:
    schema = SCHEMA + b'[[columns]]\nname = "age 2"\ntype = "integer"\n'
    add_dataset(folder, "heart", written(tmp_path, "age,sex,age 2\n40,male,41\n"), schema)
    assert list(load_datasets(folder)) == ["heart"]


@pytest.mark.parametrize(
    ("name", "schema", "says"),
    [
        ("Heart", SCHEMA, "'Heart' cannot name a data set"),
        ("../x", SCHEMA, "cannot name a data set"),
        ("heart", b"title = ", "is not valid TOML"),
        ("heart", b"colour = 1", "wrong at colour"),
        ("heart", b'path = "/etc"', "the path is given on the command line"),
        ("heart", SCHEMA + SCHEMA[SCHEMA.index(b"[[") :], "declared twice: age, sex"),
        (
            "heart",
            b'[[columns]]\nname = "age"\ntype = "integer"\nminimum = 9\nmaximum = 1\n',
            "the minimum is above the maximum",
        ),
        (
            "heart",
            b'[[columns]]\nname = "sex"\ntype = "string"\ncategories = ["f"]\n'
            b"marginal = { weights = { m = 1 } }\n",
            "which are no categories",
        ),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(
    folder: StationFolder, tmp_path: Path, name: str, schema: bytes, says: str
) -> None:
    with pytest.raises(DataSetError) as refused:
        add_dataset(folder, name, written(tmp_path), schema)
    assert says in str(refused.value)


def test_a_missing_file_says_how_to_declare_it_again(folder: StationFolder, tmp_path: Path) -> None:
    with pytest.raises(DataSetError) as refused:
        add_dataset(folder, "heart", tmp_path / "gone.csv", SCHEMA)
    assert refused.value.code == "data-set-missing"


def test_who_may_read_in_the_sandbox_is_seen_from_the_mode(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.chmod(0o600)
    assert not readable_in_sandbox(path)
    path.chmod(0o644)
    assert readable_in_sandbox(path)


# Twins

FULL = DataSetSchema.model_validate(
    {
        "twin_rows": 2000,
        "columns": [
            {
                "name": "age",
                "type": "integer",
                "minimum": 28,
                "maximum": 77,
                "marginal": {"mean": 53.5, "deviation": 9.4},
            },
            {"name": "chol", "type": "number", "minimum": 0, "marginal": {"missing": 0.25}},
            {
                "name": "sex",
                "type": "string",
                "categories": ["female", "male"],
                "marginal": {"weights": {"female": 1, "male": 3}},
            },
            {"name": "num", "type": "integer", "categories": [0, 1, 2, 3, 4]},
            {"name": "angina", "type": "boolean", "marginal": {"weights": {"true": 1}}},
            {"name": "seen", "type": "date", "minimum": "2020-01-01", "maximum": "2020-12-31"},
            {"name": "ward", "type": "string"},
        ],
    }
)


def twin_rows(schema: DataSetSchema = FULL) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(make_twin(schema).decode())))


def test_a_twin_follows_the_declared_schema_and_marginals() -> None:
    rows = twin_rows()
    ages = [int(row["age"]) for row in rows]
    assert len(rows) == 2000
    assert min(ages) >= 28 and max(ages) <= 77
    assert sum(ages) / len(ages) == pytest.approx(53.5, abs=1)
    assert sum(row["sex"] == "male" for row in rows) / 2000 == pytest.approx(0.75, abs=0.05)
    assert sum(row["chol"] == "" for row in rows) / 2000 == pytest.approx(0.25, abs=0.05)
    assert {row["num"] for row in rows} == {"0", "1", "2", "3", "4"}
    assert {row["angina"] for row in rows} == {"true"}
    assert all("2020-01-01" <= row["seen"] <= "2020-12-31" for row in rows)


def test_a_twin_is_the_same_on_any_machine_and_another_for_another_schema() -> None:
    random.seed(5)
    first = make_twin(FULL)
    random.seed(6)
    assert make_twin(FULL) == first
    assert digest(first) == digest(make_twin(DataSetSchema.model_validate(FULL.model_dump())))
    assert make_twin(FULL.model_copy(update={"title": "another"})) != first


def test_a_twin_never_depends_on_the_rows(folder: StationFolder, tmp_path: Path) -> None:
    one = add_dataset(folder, "one", written(tmp_path, CSV, "one.csv"), SCHEMA)
    other = add_dataset(folder, "other", written(tmp_path, CSV * 1 + "99,male\n", "b.csv"), SCHEMA)
    other.path.unlink()
    assert twin_of(folder, one).path.read_bytes() == twin_of(folder, other).path.read_bytes()


def test_a_twin_is_itself_as_declared(folder: StationFolder, tmp_path: Path) -> None:
    path = tmp_path / "twin.csv"
    path.write_bytes(
        make_twin(DataSetSchema.model_validate({"columns": FULL.model_dump()["columns"][:4]}))
    )
    schema = b"""
[[columns]]
name = "age"
type = "integer"
[[columns]]
name = "chol"
type = "number"
[[columns]]
name = "sex"
type = "string"
[[columns]]
name = "num"
type = "integer"
"""
    assert count_rows(add_dataset(folder, "heart", path, schema)) == 200


# What is published


def parsed(text: bytes) -> DataSetSchema:
    return DataSetSchema.model_validate(tomllib.loads(text.decode()))


def test_the_number_of_rows_is_published_only_when_declared(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.add_hearts(women=20, men=10)
    (description,) = profile_of(world.station())[0].datasets
    assert description.rows is None
    add_dataset(world.folder, "heart", tmp_path / "heart.csv", b"publish_rows = true\n" + SCHEMA)
    profile, twins = profile_of(world.station())
    assert profile.datasets[0].rows == 50
    assert profile.datasets[0].twin_digest == digest(twins["heart"])


@pytest.mark.parametrize(
    ("rows", "step", "published", "known"),
    [
        (200, 50, 200, (175, 224)),
        (175, 50, 200, (175, 224)),
        (224, 50, 200, (175, 224)),
        (225, 50, 250, (225, 274)),
        (7, 50, 0, (0, 24)),
        (4, 3, 3, (2, 4)),
        (200, 1, 200, (200, 200)),
    ],
)
def test_the_number_of_rows_is_rounded(
    rows: int, step: int, published: int, known: tuple[int, int]
) -> None:
    schema = parsed(b"publish_rows = true\nrows_rounded_to = %d\n" % step + SCHEMA)
    assert schema.published_rows(rows) == published
    assert schema.rows_at_least_and_at_most(rows) == known
    assert known[0] <= rows <= known[1]


def test_a_declaration_from_before_rounding_keeps_its_digest() -> None:
    schema = parsed(SCHEMA)
    assert parsed(b"rows_rounded_to = 50\n" + SCHEMA).digest == schema.digest
    assert parsed(b"rows_rounded_to = 10\n" + SCHEMA).digest == schema.digest, "the same data"


def test_profile_and_twins_are_published_once_and_again_when_declarations_change(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    world.add_hearts()
    daemon = world.daemon()
    daemon.publish()
    daemon.publish()
    assert len(world.central.profiles) == 1
    assert world.central.twins["heart"].startswith(b"age,sex\n")
    add_dataset(world.folder, "more", tmp_path / "heart.csv", SCHEMA)
    daemon.publish()
    assert [d.name for d in world.central.profiles[-1].datasets] == ["heart", "more"]


def test_a_twin_station_gives_runs_its_twins_in_place_of_data(tmp_path: Path) -> None:
    world = make_world(tmp_path, twin=True)
    world.add_hearts()
    (world.root / "heart.csv").unlink()
    record = world.travel()
    assert record.outcome == "departed"
    (job,) = world.scripted.started
    assert job.data == {"heart": world.folder.twins / "heart.csv"}
    assert readable_in_sandbox(job.data["heart"])
