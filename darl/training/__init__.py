"""One stage of fine-tuning."""
