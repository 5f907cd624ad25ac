"""The pages on which people read what they were told, and choose how they want to be told."""
