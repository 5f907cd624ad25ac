"""What people can do with their own data: see what happened to it."""
