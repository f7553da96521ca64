"""BigGAN's row in the registry."""

from pathlib import Path

from ..family import Export, Family, Progress
from ..protocol import Generator, Options, Renderer

_COSTS = {"biggan-128": 8.9, "biggan-256": 29.4, "biggan-512": 38.0}  # GMAC a frame


def _load(name: str, options: Options) -> Generator:
    from .choice import biggan_of

    return biggan_of(
        name,
        options.weights,
        device=options.device,
        wide=options.wide,
        precision=options.precision,
        engine=options.engine,
        compiles=options.compiles,
        say=options.say,
    )


def _cost(name: str, _side: int) -> float:
    return _COSTS[name]


def _weights(name: str, weights: Path | None) -> Path:
    from .weights import located

    return located(name, weights)


def _fetch(name: str, progress: Progress, sources: tuple[str, ...]) -> Path:
    from .fetch import fetch

    return fetch(name, progress, sources)


def _export(name: str, weights: Path | None, path: Path, how: Export) -> float:
    from .onnx import export_model
    from .store import model_of

    model = model_of(name, weights, half=False)
    return export_model(model, path, batch=how.batch, half=how.half, wide=how.wide)


def _search(name: str, weights: Path | None, device: str) -> Renderer:
    from .differentiable import differentiable_biggan

    return differentiable_biggan(name, weights, device)


BIGGAN = Family(
    names=tuple(_COSTS),
    load=_load,
    cost=_cost,
    gains=True,
    weights=_weights,
    fetch=_fetch,
    export=_export,
    search=_search,
)
