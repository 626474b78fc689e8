"""The path that TensorFlow 1 programs import streaming metrics from."""
