"""Starts the sandboxed kernel, says so, and stays: to be killed as a Jupyter is that crashes."""

import time

from tests.provisioner.sandboxed import kernel_running

if __name__ == "__main__":
    with kernel_running():
        print("up", flush=True)
        time.sleep(600)
