"""The data sets that a station holds, their schemas and their synthetic twins."""
