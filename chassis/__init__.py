"""What every service is built on; it knows no word of the domain."""
