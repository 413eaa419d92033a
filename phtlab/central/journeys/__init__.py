"""Trains, journeys, stops and stations, as central stores them."""
