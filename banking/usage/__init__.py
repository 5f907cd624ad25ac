"""How much of a provider this site uses: connected Items against the cap, calls a day, calls that cost money."""
