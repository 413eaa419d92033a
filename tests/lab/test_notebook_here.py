"""Which notebook this is: told by the environment or the front end, or asked for."""

from phtlab.errors import SettingsError
from phtlab.lab.display.notebook_location import notebook_here
from tests.raising import raises_code


def test_told_by_jupyter_server_from_its_root(monkeypatch, tmp_path):
    (tmp_path / "study.ipynb").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", "work/heart/study.ipynb")
    assert notebook_here().resolve() == tmp_path / "study.ipynb"


def test_phtlab_notebook_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("JPY_SESSION_NAME", "other.ipynb")
    monkeypatch.setenv("PHTLAB_NOTEBOOK", str(tmp_path / "mine.ipynb"))
    assert notebook_here().name == "mine.ipynb"


def test_where_nothing_tells_it_says_how_to_name_it(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delenv("PHTLAB_NOTEBOOK", raising=False)
    with raises_code(SettingsError, "notebook-unnamed"):
        notebook_here()
