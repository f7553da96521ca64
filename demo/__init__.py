"""The demo: a song composed by the project, and the sheet of looks."""
