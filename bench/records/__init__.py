"""How well the instrument hears real recordings: game music of Debian packages, where installed.

    python -m bench.records

`pieces.py` finds and decodes them, `truth.py` and `tempo_map.py` tell what is true of them,
`trackers.py` listens, `scores.py` compares, `tables.py` writes. `annotate.py` made `silver.json`.
"""
