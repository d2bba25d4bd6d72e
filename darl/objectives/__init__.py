"""What logits mean: loss and decoding, one objective a file."""
