"""What nobody in their right mind sends, as a table of cases, and how each of them ends."""
