"""The same survey for ODK Collect, KoboCollect and every other client of OpenRosa: form, keys, submissions."""
