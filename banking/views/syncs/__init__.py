"""The pages about syncs: their progress, and their history."""
