"""Trains, journeys, stops and stations, as central keeps them."""
