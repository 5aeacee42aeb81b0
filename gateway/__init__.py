"""The product: pure core, use cases, outer layers and the composition root."""
