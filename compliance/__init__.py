"""The foundation: keeps people's data secret, apart and on record. Imports no other room."""
