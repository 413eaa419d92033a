"""The JupyterHub beside central: its users and its environment."""
