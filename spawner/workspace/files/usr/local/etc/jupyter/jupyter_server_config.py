"""The server of a workspace: nothing from outside is asked for, nothing hidden is served."""

import shutil
from pathlib import Path

c = get_config()  # noqa: F821

home = Path.home()

c.ServerApp.root_dir = str(home)
c.ServerApp.terminals_enabled = Path("/bin/bash").exists()
# Key files lie in a hidden folder.
c.ContentsManager.allow_hidden = False
c.FileContentsManager.delete_to_trash = False

# The kernel image's own kernels, and no other.
c.KernelSpecManager.ensure_native_kernel = False
c.LanguageServerManager.autodetect = False

# A closed network has no news, no updates and no catalogue of extensions.
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"

# matplotlib's list of fonts was made with the image; the first figure need not wait for it.
fonts = Path("/tmp/matplotlib")  # noqa: S108
if not fonts.exists():
    shutil.copytree("/usr/local/share/phtlab/home/matplotlib", fonts)
