"""What a person sets on one account: its name, whether it is in lists and totals, and whether it is here at all."""
