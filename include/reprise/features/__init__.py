"""Features: what is known of a query and an item, as Solr computes it and as it stood before the search."""
