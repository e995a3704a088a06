"""The performance of volunteers by month: what readers get, the closing of a month, and its corrections."""
