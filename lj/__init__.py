"""The front door: the `lj` command, one small file per sub-command."""
