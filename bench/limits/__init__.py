"""Benches of the schedule of syncs and of the limits of calls."""
