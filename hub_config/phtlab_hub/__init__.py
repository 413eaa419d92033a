"""The hub's configuration in layers: each module sets one part, `configuration` all of them."""
