"""What operators watch: the scrape configuration, rules, objectives and dashboards (docs/observability.md)."""
