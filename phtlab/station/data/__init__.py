"""The data sets of a station, their schemas and their synthetic twins."""
