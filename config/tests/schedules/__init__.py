"""Random schedules of what banks, Plaid, workers and a person do, and what the site has to show in the end."""
