"""The date-sensitive tests on days on which code about dates goes wrong: ``python -m config.tests.clock``."""
