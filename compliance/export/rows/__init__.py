"""The rows of an export: how they are read, written as lines, and noted if they cannot be read."""
