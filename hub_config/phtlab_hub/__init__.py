"""The hub's configuration in layers: each module sets one thing, `configuration` all of them."""
