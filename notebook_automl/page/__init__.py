"""What may be asked of the notebook's page, and what it asks."""
