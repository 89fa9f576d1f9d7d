"""Training: families of rankers, each exported exactly to Solr, scored query by query as Solr will score them."""
