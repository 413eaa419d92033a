"""The routes of central's API, one module per resource."""
