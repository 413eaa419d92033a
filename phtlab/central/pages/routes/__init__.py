"""The routes of central's pages, one module per page."""
