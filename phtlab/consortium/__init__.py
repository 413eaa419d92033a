"""Officers' tasks: found a consortium, admit and remove members, rotate keys, publish."""
