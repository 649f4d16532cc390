"""Training of earmark's keyword-spotting networks: from recordings and synthetic speech to a quantised ONNX file."""
