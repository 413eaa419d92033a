"""The public facade: Lab, Train and Journey."""
