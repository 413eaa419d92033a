"""The schema of central's API, version 1, a module a resource."""
