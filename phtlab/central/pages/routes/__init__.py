"""The routes of central's pages, a module a page."""
