"""Put trained weights into the package, with what their card must say.

    python tools/ship_weights.py RUN/NAME.safetensors SHIPPED-NAME [figure=value ...]

Figures, such as "otb-dev auc=0.557", go into the card's scores. What the weights may be used
for follows from the data they learnt from, which the card lists.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pursuit import weights

LICENCE = (
    "Learnt from research data sets and photographs whose own licences hold: DAVIS, SegTrack "
    "v2, UAV123, DTB70, UAVDT, TLD, SA-V samples and labelled photographs, each under the terms "
    "of its authors, several for research only. Whoever ships a product should train on data "
    "whose terms allow it."
)


def main() -> None:
    """Copy the weights and write their card."""
    source, name, *figures = sys.argv[1:]
    network, card = weights.read(Path(source))
    scores = {**card.scores}
    for figure in figures:
        key, _, value = figure.rpartition("=")
        scores[key] = float(value)
    target = Path(weights.__file__).parent / f"{name}.safetensors"
    written = weights.save(
        target, network, card.with_values(name=name, licence=LICENCE, scores=scores)
    )
    print(f"{target}: sha256 {written.sha256[:12]}, {written.scores}")


if __name__ == "__main__":
    main()
