"""What a curious administrator of the demonstration's central can read.

python notebooks/exercises/central_sees.py .state/demo/central
"""
# ruff: noqa: T201

import base64
import json
import sqlite3
import sys
from pathlib import Path

central = Path(sys.argv[1])
with sqlite3.connect(central / "central.sqlite") as database:
    order = database.execute("select order_envelope from journey order by number desc").fetchone()
    record = database.execute("select record from stop order by updated desc").fetchone()
for envelope in (order[0], record[0]):
    statement = json.loads(base64.b64decode(json.loads(envelope)["payload"]))
    print(json.dumps(statement["predicate"], indent=1))
cargo = [
    blob
    for blob in (central / "registry").rglob("data")
    if blob.read_bytes()[:22] == b"age-encryption.org/v1\n"
]
print(len(cargo), "pieces of cargo; one begins with", cargo[0].read_bytes()[:66])
