"""The station's console: web pages on its own machine's loopback, for the people who work there.

The pages only show what lies in the station's folder, and call the functions that the commands
call. Nothing else reaches them: see `guard.py` for what a request must be, `sessions.py` for who
sends it, and `access.py` for what they may do.
"""
