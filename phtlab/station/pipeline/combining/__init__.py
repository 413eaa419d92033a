"""Combination of rounds at an aggregator: a station without data that runs the combine cells."""
