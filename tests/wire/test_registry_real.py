"""The same contract once more, against CNCF Distribution over a line that is really cut."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest

from phtlab.wire.registry.client import Registry
from tests.wire.cutting_proxy import CuttingProxy
from tests.wire.registry_contract import Bench, RegistryContract

pytestmark = pytest.mark.engine


class TestRealRegistry(RegistryContract):
    @pytest.fixture
    def bench(self, open_registry: str) -> Iterator[Bench]:
        proxy = CuttingProxy(httpx.URL(open_registry).port or 80)
        # Each test has repositories of its own in the one registry.
        place = f"http://127.0.0.1:{proxy.port}/t{uuid.uuid4().hex}"
        with Registry(place, chunk_bytes=100_000) as registry:
            yield Bench(registry, proxy.cut_upload, proxy.cut_download)
        proxy.close()
