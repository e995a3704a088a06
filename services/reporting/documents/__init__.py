"""The month's performance as papers: CSV and XLSX for spreadsheets, PDF as the ministry's own table."""
