"""The `lj` command, one small file per sub-command."""
