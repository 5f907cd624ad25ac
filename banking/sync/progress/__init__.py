"""How far an import or a sync is, in words, for pages that wait for it."""
