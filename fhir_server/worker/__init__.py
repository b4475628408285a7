"""What runs beside the API: the sequencer, and later the jobs."""
