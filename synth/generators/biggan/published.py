"""What is known of the published BigGAN-deep files: a row for each file at each address.

The digest of the hub's weights is the one that its page for the file shows (Git LFS details), that
of its config.json is of the text and the 630 bytes which its page shows. For the bucket nobody
publishes digests: known is how many bytes of float32 a network of this shape has; the format adds
less than a MiB.
"""

from dataclasses import dataclass

_REVISION = "86e3d82ec07f2513c0942d138a7b38133cfc2036"
HUB = f"https://huggingface.co/osanseviero/BigGAN-deep-128/resolve/{_REVISION}/{{file}}"
_BUCKET = "https://s3.amazonaws.com/models.huggingface.co/biggan/biggan-deep-"
B128, B256, B512 = (f"{_BUCKET}{size}-{{file}}" for size in (128, 256, 512))

FILES = CONFIG, WEIGHTS = "config.json", "pytorch_model.bin"
_CONFIG_128 = "a6bb3c38d69aa21f0f436a6da081e788e9afe62c7c62a465ac9060ef85eeb6ad"
_WEIGHTS_128 = "b86146a8cfcde4cda135adba4b2806f78b3abe2dac9d0fd090cc3ab318604ad9"


@dataclass(frozen=True, slots=True)
class Published:
    """One file at one address."""

    network: str
    source: str  # the address, with {file} where the file's name goes
    file: str
    least: int  # bytes
    most: int
    sha256: str = ""  # empty where nobody tells it

    @property
    def address(self) -> str:
        """Where a published file is fetched from."""
        return self.source.replace("{file}", self.file)


PUBLISHED = (
    Published("biggan-128", HUB, CONFIG, 630, 630, _CONFIG_128),
    Published("biggan-128", HUB, WEIGHTS, 210_749_700, 211_798_276, _WEIGHTS_128),
    Published("biggan-128", B128, CONFIG, 2, 16_384),
    Published("biggan-128", B128, WEIGHTS, 210_749_700, 211_798_276),
    Published("biggan-256", B256, CONFIG, 2, 16_384),
    Published("biggan-256", B256, WEIGHTS, 234_292_740, 235_341_316),
    Published("biggan-512", B512, CONFIG, 2, 16_384),
    Published("biggan-512", B512, WEIGHTS, 235_635_460, 236_684_036),
)


def sources_of(name: str) -> tuple[str, ...]:
    """Address patterns for the published files of `biggan-SIZE`, the best known first."""
    return tuple(dict.fromkeys(row.source for row in PUBLISHED if row.network == name))


def expected(name: str, source: str, file: str) -> Published:
    """What is known of a file; from an address of one's own, only how large it may be."""
    alike = [row for row in PUBLISHED if (row.network, row.file) == (name, file)]
    for row in alike:
        if row.source == source:
            return row
    return Published(name, source, file, 1, max(row.most for row in alike))
