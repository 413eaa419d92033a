"""The schema of central's API, version 1, one module per resource."""
