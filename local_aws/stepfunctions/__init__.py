"""Step Functions of the embedded AWS: moto's interpreter, and what AWS does otherwise."""
