"""The study definitions that come with hpo, one folder each."""
