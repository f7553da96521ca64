"""What every bench says about the machine it ran on, and how it writes its table."""

import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch


def machine() -> str:
    """Processor, cores and versions in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].split(":")[1].strip() if names else cpu
    capability = torch.backends.cpu.get_cpu_capability()
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    return (
        f"{cpu} ({capability}), {torch.get_num_threads()} threads, {device}, "
        f"torch {torch.__version__}, Python {platform.python_version()}, {date.today()}"
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Markdown of a table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def publish(bench: str, text: str) -> None:
    """Print a report and write it to bench/NAME.md."""
    print(text)
    Path(__file__).with_name(f"{bench}.md").write_text(text + "\n", "utf-8")
