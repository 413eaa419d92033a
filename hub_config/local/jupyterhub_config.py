"""One machine, no containers for users: to try it, for a course of one, and for development.

Everyone's server runs as the user who runs the hub. That isolates no user from another: where users
do not fully trust each other, use `docker` beside this folder.
"""

import sys

from phtlab_hub import workspaces
from phtlab_hub.configuration import configure

c = get_config()  # noqa: F821
settings = configure(c)

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{settings.directory}/homes/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.environment = workspaces.environment(settings)
# Without this, JupyterLab refuses to start as root, which a demonstration may run as.
c.Spawner.args = ["--allow-root"]
