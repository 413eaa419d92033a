"""Execution of one stop in a sandbox: the contract, and the Docker engine."""
