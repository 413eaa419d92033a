"""What every part of a station works with: station, operator context, roster and artifacts."""
