"""Benchmarks of phtlab, compared with peers and with phtlab itself: see README.md."""
