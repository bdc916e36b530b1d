"""What is fast is measured here, never in a test; and what is to become smaller is counted."""
