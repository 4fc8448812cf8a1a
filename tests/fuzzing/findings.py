"""What fuzzing has found, as its bytes in base64: each did once what no bytes may do."""

FINDINGS: tuple[tuple[str, str], ...] = ()
