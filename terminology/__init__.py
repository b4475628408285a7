"""What codes mean: code systems, lookup, validate, expand, translate."""
