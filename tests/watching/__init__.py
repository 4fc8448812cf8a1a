"""A real Prometheus for tests, and what dashboards and rules ask it."""
