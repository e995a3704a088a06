"""The demonstration: a national survey campaign, played over HTTP and checked figure by figure."""
