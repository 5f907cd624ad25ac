"""What logs contain, and what is kept out of them."""
