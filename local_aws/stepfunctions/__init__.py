"""Step Functions: moto's interpreter runs the executions; what it does otherwise than AWS is corrected here."""
