"""What users decide about their own data, and what they see of it: the pages about privacy."""
