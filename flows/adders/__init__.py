"""Constant matrices as adder graphs: products with known weights, made of shared sums of shifted inputs."""
