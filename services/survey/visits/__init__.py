"""Who reaches whom: claims, lists, routes, search, and the vaccination points to send people to."""
