"""Tables as people send them and want them back: CSV in the encodings of Thai spreadsheets, and Excel workbooks."""
