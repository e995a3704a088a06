"""The dashboards: each is a table of panels (`pages.py`), from which Grafana's JSON beside it is made."""
