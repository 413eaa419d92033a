"""Context shared by all parts of a station: settings, keys, connections, roster and artifacts."""
