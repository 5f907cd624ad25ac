"""What the benches share: servers, seeded people, a bank to import from, and how rounds are measured."""
