"""Central's pages for people: templates, login at the hub, and values of each page."""
