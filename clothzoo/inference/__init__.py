"""Networks compiled for the processor: built once, kept on disk, run without Keras."""
