"""Execution of one stop in a sandbox: the `Executor` contract, and its Docker implementation."""
