"""The address space: every knob, action and sense of a deck by its OSC address.

OSC, OSCQuery and the control page all speak through it; no second list of knobs exists. Knobs that
are numbers are clipped to their range, words that are none of a knob's are refused.
"""

from collections.abc import Callable
from typing import Any

from synth.errors import UserError, cut, shown

from ..deck import Deck
from ..faults import reason_of
from ..sync.clock import Tempo
from .nodes import Arguments, Node, is_released, nodes_of

PART = "controls"  # what its faults go by
_DIGITS = 9  # of a keyframe's number


class AddressSpace:
    """What controllers may do with a deck, and what they may know of it."""

    def __init__(self, deck: Deck, prefix: str = "") -> None:
        """Every address stands under the prefix, such as /b; there is none for the only deck."""
        self._deck, self._prefix = deck, prefix
        learn = "The control moved next plays this address."
        own = Node(f"{prefix}/midi/learn", "s", learn, None, self._learn)
        nodes = [*nodes_of(deck, prefix), own]
        self.nodes = {node.address: node for node in nodes}
        assert len(self.nodes) == len(nodes), "two nodes have one address"
        self._groups = {self._group(address) for address in self.nodes}
        self._faults = deck.supervisor.faults
        self.learn: Callable[[str], None] | None = None  # MIDI's, where there is any
        self.refused = 0
        self.trouble = ""  # of the last message that was refused

    def receive(self, address: str, arguments: Arguments) -> bool:
        """Carry out one message; what cannot be is refused, counted and told, never raised."""
        try:
            self._carry_out(address, arguments)
        except UserError as trouble:
            self._refuse(address, str(trouble))
            return False
        except Exception as error:  # whatever it was: the thread that plays it must live
            self._refuse(address, f"{cut(str(address))}: {reason_of(error)}")
            return False
        return True

    def _carry_out(self, address: str, arguments: Arguments) -> None:
        cue = f"{self._prefix}/cue"
        if address.startswith(f"{cue}/") and address not in self.nodes:
            if is_released(arguments):
                return
            address, arguments = cue, [_keyframe(address.removeprefix(f"{cue}/"))]
        node = self.nodes.get(address)
        if node is None:
            raise UserError(f"{cut(address)}: there is no such address to write to")
        if node.write is None:
            knob = node.knob
            cure = f"; begin with --set {knob.name}=…" if knob is not None else ""
            raise UserError(f"{address}: can only be read{cure}")
        node.write(address, arguments)

    def _refuse(self, address: str, trouble: str) -> None:
        """Count and tell; how many kinds there are must not be for a stranger to choose."""
        self.refused += 1
        self.trouble = trouble
        group = self._group(str(address))
        kind = group if group in self._groups else "no such address"
        self._faults.tell(PART, trouble, kind=f"refused {kind}")

    def _group(self, address: str) -> str:
        """The first part of an address below the prefix."""
        below = address.removeprefix(self._prefix)
        return "/".join(below.split("/")[:2])

    def _learn(self, address: str, arguments: Arguments) -> None:
        if self.learn is None:
            raise UserError(f"{address}: there is no MIDI; begin the show with --midi")
        wanted = arguments[0] if len(arguments) == 1 else None
        node = self.nodes.get(wanted) if isinstance(wanted, str) else None
        if node is None or node.write is None:
            raise UserError(f"{address}: {shown(wanted)} is no address to write to")
        self.learn(node.address)

    def value(self, address: str) -> list[Any]:
        """The value at an address; KeyError when nothing can be read there."""
        read = self.nodes[address].read
        if read is None:
            raise KeyError(address)
        return read()

    def values(self, *, senses: bool) -> dict[str, list[Any]]:
        """Every value that can be read: those of the instrument, or those of its senses."""
        return {
            address: node.read()
            for address, node in self.nodes.items()
            if node.read and address.startswith(f"{self._prefix}/sense/") == senses
        }

    def follow(self, who: str, tempo: Tempo | None) -> None:
        """What another machine's clock states; None once it states nothing any more."""
        self._deck.parameters.follow(who, tempo)

    def presets(self) -> dict[str, str]:
        """Every preset that may be loaded."""
        return self._deck.parameters.presets()


def _keyframe(wanted: str) -> int | str:
    """The keyframe of /cue/3 or /cue/words.

    Plain digits alone are a number: those of other scripts may well begin a line that is sung.
    """
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _DIGITS:
        return int(wanted)
    return wanted
