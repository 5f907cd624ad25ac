"""The site's side of the local sandbox program: its browser pages, and the demo login that is filled from it."""
