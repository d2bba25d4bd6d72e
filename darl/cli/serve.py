"""darl serve."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from darl.cli.options import backbone_option

if TYPE_CHECKING:
    from darl.models.config import Dtype

MIB = 1 << 20
EXAMPLE = """\b
Examples:
  darl serve runs/first/model
  darl serve runs/first/model --port 9000 --name rerank-v3.5 --cache-mib 256
  darl serve runs/first/model --host 0.0.0.0 --keys keys.txt --admin-keys admin.txt
  darl serve runs/first/model --capture pool/ --capture-percentile 99.5 --redact email --redact digits
"""


@click.command(epilog=EXAMPLE)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0 = any that is free."
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="What clients may call the model; repeatable, the first is told.  [default: the folder's name]",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of keys, a line each; also $DARL_SERVE_KEYS, between commas. Without any, everybody may ask.",
)
@click.option(
    "--admin-keys",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of keys that may reload and roll back; also $DARL_SERVE_ADMIN_KEYS. Without any, nobody may.",
)
@click.option(
    "--models-root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder within which models may be loaded later.  [default: the folder that MODEL is in]",
)
@click.option("--max-body-mib", type=float, default=8, show_default=True, help="Of a request.")
@click.option("--max-documents", type=int, default=1000, show_default=True, help="Of a request.")
@click.option("--queue-pairs", type=int, default=4000, show_default=True, help="That may wait in all.")
@click.option("--batch-tokens", type=int, help="Of a model call.  [default: what fills a forward pass]")
@click.option(
    "--deadline", type=float, default=30, show_default=True, help="Seconds; then a request is given up."
)
@click.option(
    "--too-long",
    type=click.Choice(["truncate", "refuse"]),
    default="truncate",
    show_default=True,
    help="What becomes of texts longer than the model reads, where a request does not say (truncate).",
)
@click.option("--cache-mib", type=float, default=0, show_default=True, help="That kept answers may take.")
@click.option(
    "--readings-mib",
    type=float,
    default=0,
    show_default=True,
    help="That kept readings of texts may take, of a model that reads query and item apart.",
)
@click.option(
    "--workers",
    type=int,
    help="Model calls at a time; each has its share of the processors.  [default: 2, on a GPU 1]",
)
@click.option("--log-text", is_flag=True, help="Write queries and documents into the log.")
@click.option(
    "--capture",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for unusual pairs of the traffic, as Parquet: a pool for darl predict and darl select.",
)
@click.option("--capture-percentile", type=float, help="ood_percentile from which on.  [default: 99]")
@click.option("--capture-share", type=float, help="Share of those that is kept.  [default: 1]")
@click.option("--capture-most", type=int, help="Pairs in all.  [default: 20,000]")
@click.option(
    "--redact",
    "capture_redact",
    multiple=True,
    metavar="email|digits|phone|REGEX",
    help="Take this out of captured texts before they are kept; repeatable.",
)
@click.option(
    "--half-life",
    type=float,
    default=20_000,
    show_default=True,
    help="Pairs after which traffic counts half in /drift.",
)
@click.option(
    "--drift-psi", type=float, default=0.25, show_default=True, help="From which on drift is an alarm."
)
@click.option(
    "--drift-level",
    type=float,
    default=0.001,
    show_default=True,
    help="How probable it may be that chance alone raises one.",
)
@click.option(
    "--drift-slices",
    type=int,
    default=20,
    show_default=True,
    help="Domains of the training data that /drift watches by themselves, at most.",
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    help="Of the backbone. bfloat16 is faster where the processor has it (auto: if it has), and lets scores "
    "depend on what is scored beside them, in the third decimal.  [default: float32, on a GPU the model's]",
)
@click.option(
    "--no-calibration", is_flag=True, help="Tell probabilities and grades as the model itself says."
)
@click.option("--no-ood", is_flag=True, help="Leave ood_score and ood_percentile out.")
@backbone_option
def command(
    model: Path,
    host: str,
    port: int,
    names: tuple[str, ...],
    keys: Path | None,
    admin_keys: Path | None,
    models_root: Path | None,
    max_body_mib: float,
    cache_mib: float,
    readings_mib: float,
    dtype: Dtype | None,
    no_calibration: bool,
    no_ood: bool,
    backbone: str | None,
    **more: Any,  # noqa: ANN401 # settings by their own names, and what of the traffic is captured
) -> None:
    """Serve the MODEL folder over HTTP, until stopped.

    Cohere's /v2/rerank, Jina's /v1/rerank, /rerank and /predict of text-embeddings-inference, and vLLM's
    /score; scores are expected grade / (K - 1), 0 to 1. A page to try it on is at /, the interface at /docs.
    """
    from darl.cli.progress import cli_progress
    from darl.serve.server import listen, serve
    from darl.serve.settings import ADMIN_KEYS, KEYS, read_keys, read_settings

    capture = {key.removeprefix("capture_"): more.pop(key) for key in [*more] if key.startswith("capture_")}
    folder = more.pop("capture")
    capture = {key: value for key, value in capture.items() if value not in (None, ())}
    if capture and folder is None:
        raise click.UsageError(
            "--capture-percentile, --capture-share, --capture-most and --redact need --capture FOLDER"
        )
    settings = read_settings(
        more
        | {
            "names": names or (model.resolve().name,),
            "keys": read_keys(keys, KEYS),
            "admin_keys": read_keys(admin_keys, ADMIN_KEYS),
            "models_root": models_root or model.resolve().parent,
            "max_body_bytes": round(max_body_mib * MIB),
            "cache_bytes": round(cache_mib * MIB),
            "readings_bytes": round(readings_mib * MIB),
            "capture": None if folder is None else capture | {"folder": folder},
        }
    )
    listener = listen(host, port)
    with cli_progress() as progress:
        serve(
            model,
            settings,
            listener,
            backbone=backbone,
            dtype=dtype,
            calibrated=not no_calibration,
            ood=not no_ood,
            progress=progress,
            ready=lambda address: click.echo(f"serving {settings.names[0]} at {address} (stop: Ctrl-C)"),
        )
