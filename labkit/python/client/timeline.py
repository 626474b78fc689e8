"""`tf.python.client.timeline`, from which programs take `Timeline`."""

from labkit.timeline import StepStatsAnalysis, Timeline

__all__ = ["StepStatsAnalysis", "Timeline"]
