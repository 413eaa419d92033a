"""What runs inside the container, and the two words that station cells use."""
