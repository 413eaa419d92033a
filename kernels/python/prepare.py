"""Run once by the image's own Python while the image is built; argv[1] is where the wheels are.

Every package is imported, so that one that misses a library fails here and not at a station. And
matplotlib's list of fonts is made, which would cost each run's first figure a third of a second;
phtlab's runtime copies what lies in share/phtlab/home into the run's writable home.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

top = Path(sys.argv[1])
home = top / "usr/local/share/phtlab/home/matplotlib"

for name in ("IPython", "ipykernel", "jupyter_client", "numpy", "pandas", "PIL", "pyarrow.parquet"):
    __import__(name)
for name in ("safetensors.numpy", "scipy.stats", "sklearn.linear_model"):
    __import__(name)

with tempfile.TemporaryDirectory() as made:
    os.environ["MPLCONFIGDIR"] = made
    import matplotlib.font_manager

    font_list = Path(made) / f"fontlist-v{matplotlib.font_manager.FontManager.__version__}.json"
    content = json.loads(font_list.read_text())
# In the order of names, not of this file system.
for kind in ("afmlist", "ttflist"):
    content[kind].sort(key=lambda font: (font["fname"], font.get("index", 0)))
for folder in reversed(home.relative_to(top).parents[:-1]):
    (top / folder).mkdir(exist_ok=True)
home.mkdir()
(home / font_list.name).write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
