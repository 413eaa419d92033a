"""What is exported exists, and what exists in public is exported."""

import subprocess
import sys

import pytest

import phtlab
from tests.limits import LIMIT


def test_every_public_name_resolves():
    for name in phtlab.__all__:
        assert getattr(phtlab, name) is not None


HEAVY = {
    *("alembic", "cryptography", "docker", "fastapi", "httpx", "nbclient", "nbformat", "numpy"),
    *("pandas", "papermill", "pyarrow", "pydantic", "sqlalchemy", "tuf", "uvicorn"),
}


@pytest.mark.parametrize("module", ["phtlab", "phtlab.cli.main"])
def test_importing_imports_nothing_heavy(module):
    code = f"import sys, {module}; print(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=LIMIT
    )
    assert done.stdout.strip() == ""


def test_every_phtlab_error_is_in_the_tree_that_its_module_draws():
    from phtlab import errors

    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, errors.PhtlabError):
            assert name in drawn
