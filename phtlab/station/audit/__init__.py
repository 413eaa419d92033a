"""The station's own log: appended, exported and watched."""
