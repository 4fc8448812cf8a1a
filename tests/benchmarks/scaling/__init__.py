"""What recordings cost, measured; and what follows from that for few and for very many of them."""
