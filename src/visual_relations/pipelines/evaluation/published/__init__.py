"""Published results, one CSV file per field; every row names its source."""
