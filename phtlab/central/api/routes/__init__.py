"""The routes of central's API, a module a resource."""
