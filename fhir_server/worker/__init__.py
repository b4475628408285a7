"""What runs beside the API: the sequencer and the jobs."""
