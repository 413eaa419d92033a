"""Central: stores and forwards. Trusted with availability, never with content."""

from phtlab.central.app import create_app
from phtlab.central.founding import init_central, pin
from phtlab.central.server import serve, serving
from phtlab.central.settings import CentralSettings

__all__ = ["CentralSettings", "create_app", "init_central", "pin", "serve", "serving"]
