"""Train the reader.

    python -m training.train [--data DIR] [--out DIR] [--minutes M] [--examples N] [--finish]

Goes on where an earlier run with the same --out stopped. The rate is held after a warm-up, so that
a run can be prolonged; --finish lowers it to nothing over the last of --examples and writes the
model. Prints loss, rate and examples per second, and every so often F1 and exact match on rows
that are not trained on, the right passage given.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import BertLMHeadModel

from ragapp.citing import MARKER, marker
from ragapp.embedders.model_files import find_model_folder
from ragapp.evaluation.matching import exact_match, f1
from ragapp.prompting import refusal
from training.examples import Example, Maker, shuffled
from training.model import answer_ids, batch_of, first_model, loss_of, save
from training.sources import Triple, read_passages, read_triples
from training.vocabulary import character_vectors, extend_tokenizer, frequent_characters, is_chinese

ROOT = Path(__file__).parent.parent
_LANGUAGES = ("en", "zh")
_REPEATED = {"en": 1, "zh": 2}  # Chinese has a fifth of the rows, and more to learn
_N_CHARACTERS = 5000
_TOKENS_PER_BATCH = 4096
_RATE, _WARM_UP = 3e-4, 300
_SAVED_EVERY_S, _JUDGED_EVERY = 300.0, 400


@dataclass
class Run:
    """What a run holds, and where it keeps it."""

    model: BertLMHeadModel
    optimizer: torch.optim.Optimizer
    tokenizer: Tokenizer
    folder: Path
    step: int = 0
    n_examples: int = 0

    def keep(self) -> None:
        """Write the state aside and put it in the place of the last one."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "n_examples": self.n_examples,
        }
        torch.save(state, self.folder / "state.new")
        (self.folder / "state.new").replace(self.folder / "state.pt")

    def take_up(self) -> None:
        """Go on from the state that was kept, if there is one."""
        path = self.folder / "state.pt"
        if path.is_file():
            state = torch.load(path, weights_only=True)
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.n_examples = state["step"], state["n_examples"]


def main() -> None:
    """Train until the minutes or the examples are used up."""
    options = _options()
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    triples = {name: read_triples(options.data, name, split="train") for name in _LANGUAGES}
    run = _begun(options.data, options.out)
    run.take_up()
    print({name: len(rows) for name, rows in triples.items()}, "from step", run.step, flush=True)
    makers = {name: Maker(run.tokenizer, rows) for name, rows in triples.items()}
    judged = {name: read_triples(options.data, name, split="dev") for name in _LANGUAGES}
    _train(run, triples, makers, judged, options)
    run.keep()
    _judge(run, judged, n=300)
    embedder = find_model_folder("all-MiniLM-L6-v2").path
    save(run.model, run.tokenizer, options.out / "model", embedder=embedder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "train")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "reader")
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--examples", type=int, default=300_000)
    parser.add_argument("--finish", type=int, default=0, help="examples over which the rate falls")
    return parser.parse_args()


def _begun(data: Path, out: Path) -> Run:
    """Return a run at its beginning, its tokenizer made."""
    embedder = find_model_folder("all-MiniLM-L6-v2").path
    texts = [p.text for p in read_passages(data, "zh")]
    characters = frequent_characters(texts, at_most=_N_CHARACTERS)
    extend_tokenizer(embedder / "tokenizer.json", out / "tokenizer.json", characters)
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    known = [c for c in characters if is_chinese(c) and tokenizer.token_to_id(c) is not None]
    torch.set_float32_matmul_precision("medium")
    vectors = character_vectors(texts, known, dim=384)
    ids = [tokenizer.token_to_id(c) for c in known]
    model = first_model(embedder, vectors, ids, tokenizer.get_vocab_size())
    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01)
    return Run(model, optimizer, tokenizer, out)


def _train(
    run: Run,
    triples: dict[str, list[Triple]],
    makers: dict[str, Maker],
    judged: dict[str, list[Triple]],
    options: argparse.Namespace,
) -> None:
    always = allowed_always(run.tokenizer)
    begin, saved, since, seen, losses = time.monotonic(), time.monotonic(), time.monotonic(), 0, 0.0
    while run.n_examples < options.examples:
        run.model.train()
        for batch in _batches(run, triples, makers):
            losses += _step(run, batch, always, options)
            seen += len(batch)
            now = time.monotonic()
            if run.step % 50 == 0:
                rate = seen / (now - since)
                print(
                    f"{run.step} {run.n_examples} loss {losses / 50:.3f} {rate:.1f}/s", flush=True
                )
                since, seen, losses = now, 0, 0.0
            if now - saved > _SAVED_EVERY_S:
                run.keep()
                saved = now
            if run.step % _JUDGED_EVERY == 0:
                _judge(run, judged, n=60)
            if now - begin > 60 * options.minutes or run.n_examples >= options.examples:
                return


def _batches(
    run: Run, triples: dict[str, list[Triple]], makers: dict[str, Maker]
) -> Iterator[list[Example]]:
    """Yield batches of both languages in turns, in an order that the step decides."""
    streams: list[Iterator[list[Example]]] = []
    for name, rows in triples.items():
        for again in range(_REPEATED[name]):
            seed = run.step * 10 + again
            streams.append(
                shuffled(rows, makers[name], seed=seed, tokens_per_batch=_TOKENS_PER_BATCH)
            )
    draw = random.Random(run.step)
    while streams:
        stream = draw.choice(streams)
        batch = next(stream, None)
        if batch is None:
            streams.remove(stream)
        else:
            yield batch


def _step(
    run: Run, batch: Sequence[Example], always: Sequence[int], options: argparse.Namespace
) -> float:
    left = max(0, options.examples - run.n_examples)
    share = min(1.0, (run.step + 1) / _WARM_UP)
    if options.finish:
        share = min(share, left / options.finish)
    for group in run.optimizer.param_groups:
        group["lr"] = _RATE * share
    made = batch_of(batch, run.tokenizer.get_vocab_size(), always)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(run.model, made)
    run.optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    run.step += 1
    run.n_examples += len(batch)
    return float(loss.detach())


def allowed_always(tokenizer: Tokenizer) -> list[int]:
    """Return the ids that an answer may hold whatever the passages: markers, refusals, the end."""
    texts = [refusal("what"), refusal("什么"), *(marker(n) for n in range(1, 10))]
    ids = {i for text in texts for i in tokenizer.encode(text, add_special_tokens=False).ids}
    return sorted(ids | {tokenizer.token_to_id("[SEP]")})


def _judge(run: Run, judged: dict[str, list[Triple]], *, n: int) -> None:
    """Print F1 and exact match with the right passage given, on a fixed choice of rows."""
    run.model.eval()
    always, end = allowed_always(run.tokenizer), run.tokenizer.token_to_id("[SEP]")
    for name, rows in judged.items():
        maker, total, exact, n_asked, refused = Maker(run.tokenizer, rows), 0.0, 0.0, 0, 0
        for triple in random.Random(1).sample(rows, min(n, len(rows))):
            example = maker.gold(triple)
            if example is None:
                continue
            allowed = [*always, *example.prompt]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                ids = answer_ids(run.model, example.prompt, allowed, end=end)
            text = MARKER.sub("", run.tokenizer.decode(ids).replace("[ ", "[").replace(" ]", "]"))
            wanted = [triple.passage.text[triple.start : triple.end]]
            total += f1(text, wanted)
            exact += exact_match(text, wanted)
            refused += text.strip().startswith(refusal(triple.question)[:12].lower())
            n_asked += 1
        figures = f"F1 {total / n_asked:.3f}, exact {exact / n_asked:.3f}"
        print(f"  {name}: {figures}, refused {refused / n_asked:.2f} of {n_asked}", flush=True)
    run.model.train()


if __name__ == "__main__":
    main()
