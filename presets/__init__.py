"""Looks, one TOML file each; README.md beside this tells what may stand in one."""
