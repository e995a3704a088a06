"""What a cluster is told of the catalogue: the chart, the compose file, and the jobs that provision."""
