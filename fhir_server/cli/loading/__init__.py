"""What `galenic load` is made of: files to chunks, chunks to resources in worker processes, resources to commits."""
