"""What a person is told when something cannot be done."""


class Trouble(Exception):
    """One sentence that names the place, the value and the cure. The front door prints it."""
