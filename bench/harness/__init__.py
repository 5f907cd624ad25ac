"""What the benches share: servers, users with data, a bank to import from, and measurement in rounds."""
