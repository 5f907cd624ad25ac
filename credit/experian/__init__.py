"""Experian, behind ``credit.provider``: its words, its codes and its failures end in this folder."""
