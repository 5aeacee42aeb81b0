"""Phone numbers: parsing, validity, region and type."""
