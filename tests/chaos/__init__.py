"""Faults, injected into the whole system by a schedule, and a checker that says what became of every recording."""
