"""Central's pages for people: templates, login at the hub, and what each page shows."""
