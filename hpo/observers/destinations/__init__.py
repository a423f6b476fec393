"""Observers that come with hpo, each of one service or format; what one needs is imported where it is used."""
