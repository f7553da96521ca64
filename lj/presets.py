"""`lj presets`: which looks there are."""

from . import options


def presets(as_json: options.JsonOption = False) -> None:
    """List the looks that come with the program."""
    from synth.settings.preset import preset_of, shipped

    from .console import print_json

    looks = [preset_of(name) for name in shipped()]
    if as_json:
        rows = [(p.name, p.description, p.knobs.model_dump()) for p in looks]
        print_json([dict(zip(("name", "description", "knobs"), row, strict=True)) for row in rows])
        return
    width = max(len(p.name) for p in looks)
    for look in looks:
        print(f"{look.name:{width}}  {look.description}")
