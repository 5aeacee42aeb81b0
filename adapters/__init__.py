"""Everything that touches the world outside, one package for each thing touched."""
