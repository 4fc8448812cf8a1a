"""How Dawnchorus is put onto machines."""
