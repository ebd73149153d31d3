"""Speed of the in-process engine beside `model.generate` and the machine's limits.

    python bench/generation.py [--shape 0.5B|1B|7B] [--device cpu] [--threads N] [--part speed ...]

Random weights with a real model's shape. One run measures the limits of the machine (bytes read a
second from a buffer larger than its caches, matrix products a second), then the same prompt through
`model.generate` and through the engine, in turns; the best of each counts. With `--threads 1` CPU
seconds are counted, which other load on the machine disturbs little; otherwise wall seconds.
"""

from __future__ import annotations

import argparse
import copy
import platform
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel
from transformers.generation.configuration_utils import ContinuousBatchingConfig

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # bench/ingest.py has the name of the package

from bench.chunk_reuse import measure_chunks  # noqa: E402
from bench.made_models import SHAPES, build, bytes_per_token, flops_of_prefill  # noqa: E402
from ragapp.generation.causal_model import CausalModel, Row  # noqa: E402
from ragapp.generation.engine import Engine  # noqa: E402
from ragapp.generation.limits import Limits  # noqa: E402
from ragapp.generation.loading import choose_device, choose_dtype  # noqa: E402
from ragapp.generation.packed_linear import pack_linears  # noqa: E402
from ragapp.generation.quantized_linear import Quantization, quantize_linears  # noqa: E402
from ragapp.generation.session import Session  # noqa: E402
from ragapp.types import GenerationOptions  # noqa: E402

BUFFER_BYTES = 2**30
ROUNDS = 3
MANY_NEW = 64
LOOKUP_NEW = 96


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured: the plain model, its twin under the engine, the prompt and the clock."""

    plain: PreTrainedModel
    engine: CausalModel
    device: torch.device
    prompt: list[int]
    n_new: int
    clock: Callable[[], float]

    def seconds(self, work: Callable[[], object]) -> float:
        """Return how long `work` takes, the device's queue emptied before and after."""
        synchronize(self.device)
        start = self.clock()
        work()
        synchronize(self.device)
        return self.clock() - start

    def best(self, work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
        """Return the shortest of some rounds, after one that warms up."""
        work()
        return min(self.seconds(work) for _ in range(rounds))


def main() -> None:
    """Build the model, measure the parts asked for, print one line a figure."""
    options = parsed()
    device = choose_device(options.device)
    dtype = choose_dtype(options.dtype, device=device)
    if options.threads:
        torch.set_num_threads(options.threads)
    is_alone = torch.get_num_threads() == 1 and device.type == "cpu"
    plain = build(options.shape, dtype=dtype, device=device)
    draw = random.Random(1)
    setting = Setting(
        plain=plain,
        engine=twin(plain),
        device=device,
        prompt=[draw.randrange(5, plain.config.vocab_size) for _ in range(options.prompt_tokens)],
        n_new=options.new_tokens,
        clock=time.process_time if is_alone else time.perf_counter,
    )
    clock = "CPU seconds" if is_alone else "wall seconds"
    print(
        f"{options.shape} {dtype} on {described(device)}, torch {torch.__version__}, {clock}; "
        f"prompt {options.prompt_tokens}, answer {options.new_tokens} tokens"
    )
    for part in options.part:
        PARTS[part](setting)


def measure_speed(setting: Setting) -> None:
    """Print decode and prefill speed: generate, engine, limit."""
    bandwidth, matmuls = measure_limits(setting)
    print(f"limits      read {bandwidth / 1e9:.1f} GB/s, matmul {matmuls / 1e9:.0f} GFLOP/s")
    rows = torch.tensor([setting.prompt], device=setting.device)
    mask = torch.ones_like(rows)
    seconds: dict[str, list[tuple[float, float]]] = {"generate": [], "engine": []}
    for _ in range(ROUNDS):
        seconds["generate"].append(generate_seconds(setting, rows, mask))
        seconds["engine"].append(engine_seconds(setting))
    prefill = {name: len(setting.prompt) / min(p for p, _ in s) for name, s in seconds.items()}
    decode = {name: 1 / min(d for _, d in s) for name, s in seconds.items()}
    context = len(setting.prompt) + setting.n_new // 2
    limits = {
        "prefill": len(setting.prompt)
        / (flops_of_prefill(setting.plain, len(setting.prompt)) / matmuls),
        "decode": bandwidth / bytes_per_token(setting.plain, context_tokens=context),
    }
    for phase, rates in (("prefill", prefill), ("decode", decode)):
        limit = limits[phase]
        print(
            f"{phase:<11} generate {rates['generate']:8.1f}  engine {rates['engine']:8.1f}  "
            f"limit {limit:8.1f} tokens/s: x{rates['engine'] / rates['generate']:.2f} of generate, "
            f"{rates['engine'] / limit:.0%} of the limit"
        )


def generate_seconds(
    setting: Setting, rows: torch.Tensor, mask: torch.Tensor
) -> tuple[float, float]:
    """Return the seconds of generate's prefill, and of each further token."""

    def generate(n_new: int) -> float:
        return setting.seconds(
            lambda: setting.plain.generate(
                rows, attention_mask=mask, max_new_tokens=n_new, min_new_tokens=n_new,
                do_sample=False,
            )
        )  # fmt: skip

    first = generate(1)
    return first, (generate(setting.n_new + 1) - first) / setting.n_new


def engine_seconds(setting: Setting) -> tuple[float, float]:
    """Return the seconds of the engine's prefill, and of each further token."""
    session = Session(setting.engine)
    logits = None

    def prefill() -> None:
        nonlocal logits
        logits = session.prefill(setting.prompt, cancelled=Event()).logits

    def decode() -> None:
        following = logits
        for _ in range(setting.n_new):
            assert following is not None
            following = session.decode(int(following.argmax()))

    return setting.seconds(prefill), setting.seconds(decode) / setting.n_new


def measure_second_turn(setting: Setting) -> None:
    """Print the time to the first token of a conversation's second turn, cold and with its cache.

    The passages are 2,048 tokens, the first answer 64, the second question 32.
    """
    draw = random.Random(2)
    first, rest = random_ids(setting, draw, 2048), random_ids(setting, draw, 96)

    def ask(session: Session, prompt: list[int]) -> float:
        return setting.seconds(lambda: session.prefill(prompt, cancelled=Event()))

    cold, warm = [], []
    for _ in range(ROUNDS):
        session = Session(setting.engine)
        ask(session, first)
        warm.append(ask(session, first + rest))
        cold.append(ask(Session(setting.engine), first + rest))
    print(
        f"second turn cold {min(cold):.2f} s, with its cache {min(warm):.3f} s to the first token: "
        f"1/{min(cold) / min(warm):.0f}"
    )


def measure_quantized(setting: Setting) -> None:
    """Print decode, prefill, bytes and drift with weights of 8 and 4 bits, beside bfloat16."""
    forms: dict[str, Quantization] = {"bfloat16": "", "int8": "int8", "int4": "int4"}
    settings = {
        name: replace(setting, engine=twin(setting.plain, quantization))
        for name, quantization in forms.items()
    }
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in forms}
    for _ in range(ROUNDS):
        for name, form in settings.items():
            seconds[name].append(engine_seconds(form))
    logits = {
        name: form.engine.forward(setting.prompt[:128], form.engine.new_cache()).float()
        for name, form in settings.items()
    }
    prefill = {name: min(p for p, _ in s) for name, s in seconds.items()}
    decode = {name: min(d for _, d in s) for name, s in seconds.items()}
    for name in forms:
        cosine = torch.cosine_similarity(logits[name], logits["bfloat16"], dim=0).item()
        print(
            f"{name:<11} decode {1 / decode[name]:6.1f} tokens/s: "
            f"x{decode['bfloat16'] / decode[name]:.2f} of bfloat16; "
            f"prefill {len(setting.prompt) / prefill[name]:7.1f} tokens/s: "
            f"x{prefill['bfloat16'] / prefill[name]:.2f}; cosine of the logits {cosine:.4f}"
        )


def measure_many(setting: Setting) -> None:
    """Print throughput and waiting times of 1, 8 and 32 requests at once.

    Each has a prompt of its own of about 128 tokens and an answer of 64.
    """
    draw = random.Random(3)
    rates = {}
    for n_requests in (1, 8, 32):
        prompts = [random_ids(setting, draw, 120 + n % 16) for n in range(n_requests)]
        rounds = ROUNDS if n_requests == 1 else 1
        rates[n_requests], first, between = max(
            asked_together(setting, prompts) for _ in range(rounds)
        )
        print(
            f"{n_requests:>2} at once  {rates[n_requests]:7.1f} tokens/s, "
            f"x{rates[n_requests] / rates[1]:.1f} of one after another; first token "
            f"p50 {percentile(first, 50):.2f} p99 {percentile(first, 99):.2f} s, "
            f"between tokens p50 {percentile(between, 50):.3f} p99 {percentile(between, 99):.3f} s"
        )


def measure_peers(setting: Setting) -> None:
    """Print the throughput of 8 requests: through generate in turn, generate_batch, the engine."""
    draw = random.Random(3)
    prompts = [random_ids(setting, draw, 120 + n % 16) for n in range(8)]
    config = GenerationConfig(
        max_new_tokens=MANY_NEW, min_new_tokens=MANY_NEW, do_sample=False,
        pad_token_id=0,
    )  # fmt: skip
    batching = ContinuousBatchingConfig(
        num_blocks=64, max_batch_tokens=512, page_size=64, use_cuda_graph=False,
        use_async_batching=False,
    )  # fmt: skip

    def in_turn() -> None:
        for prompt in prompts:
            rows = torch.tensor([prompt], device=setting.device)
            setting.plain.generate(
                rows, attention_mask=torch.ones_like(rows), generation_config=config
            )

    def batched() -> None:
        setting.plain.generate_batch(
            inputs=prompts,
            generation_config=config,
            continuous_batching_config=batching,
            warmup=False,
        )

    n_tokens = len(prompts) * MANY_NEW
    print(
        f"8 requests  generate in turn {n_tokens / setting.seconds(in_turn):.1f}, transformers' "
        f"generate_batch {n_tokens / setting.seconds(batched):.1f}, "
        f"engine {asked_together(setting, prompts)[0]:.1f} tokens/s"
    )


def asked_together(
    setting: Setting, prompts: Sequence[list[int]]
) -> tuple[float, list[float], list[float]]:
    """Return tokens a second over all, and the seconds to each first token and between tokens."""
    engine = engine_of(setting.engine, max_streams=len(prompts))
    options = GenerationOptions(max_new_tokens=MANY_NEW)
    times: list[list[float]] = []

    def ask(prompt: list[int]) -> None:
        mine = [setting.clock()]
        times.append(mine)
        for piece in engine.stream(prompt, options=options, cancelled=Event()):
            if piece.text:
                mine.append(setting.clock())

    def ask_all() -> None:
        threads = [Thread(target=ask, args=(prompt,)) for prompt in prompts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    seconds = setting.seconds(ask_all)
    first = [mine[1] - mine[0] for mine in times]
    between = [later - earlier for mine in times for earlier, later in pairwise(mine[1:])]
    return len(prompts) * MANY_NEW / seconds, first, between


def measure_lookup(setting: Setting) -> None:
    """Print decode speed with prompt lookup against without, for answers that copy more or less.

    The model computes as ever; which token it then says is scripted, since random weights copy
    nothing.
    """
    draw = random.Random(4)
    prompt, others = setting.prompt, random_ids(setting, draw, 4096)
    shares = (("copies all", 1.0), ("copies 60 %", 0.6), ("copies 30 %", 0.3), ("new tokens", 0.0))
    scripts = {name: copying(draw, prompt, others, share=share) for name, share in shares}
    scripts["prompt's tokens, other order"] = draw.choices(prompt, k=LOOKUP_NEW)
    for name, script in scripts.items():
        seconds: dict[bool, list[float]] = {False: [], True: []}
        reciter = Reciter(setting.engine, prompt, script)
        for _ in range(2):
            for is_drafting, taken in seconds.items():
                taken.append(recited(setting, reciter, prompt, is_drafting=is_drafting))
        plain, drafted = (LOOKUP_NEW / min(taken) for taken in seconds.values())
        print(
            f"lookup      {name:<28} {plain:6.1f} tokens/s without, {drafted:6.1f} with: "
            f"x{drafted / plain:.2f}"
        )


def recited(setting: Setting, reciter: Reciter, prompt: list[int], *, is_drafting: bool) -> float:
    """Return the seconds from the first token to the last."""
    engine = engine_of(reciter, max_streams=1, is_drafting=is_drafting)
    options = GenerationOptions(max_new_tokens=LOOKUP_NEW)
    pieces = engine.stream(prompt, options=options, cancelled=Event())
    next(pieces)
    return setting.seconds(lambda: list(pieces))


def copying(
    draw: random.Random, prompt: Sequence[int], others: Sequence[int], *, share: float
) -> list[int]:
    """Return an answer, `share` of it spans of about 16 tokens of the prompt, the rest others."""
    if share == 1:
        return list(prompt[100 : 100 + LOOKUP_NEW])
    answer: list[int] = []
    while len(answer) < LOOKUP_NEW:
        start, length = draw.randrange(len(prompt) - 32), draw.randint(8, 24)
        n_others = round(length * (1 - share) / share) if share else LOOKUP_NEW
        answer += prompt[start : start + length] if share else []
        answer += draw.choices(others, k=n_others)
    return answer[:LOOKUP_NEW]


class Reciter:
    """A model that computes as `model` does, and then says what follows `prompt` in a script."""

    def __init__(self, model: CausalModel, prompt: Sequence[int], script: Sequence[int]) -> None:
        self._model = model
        self._said = [*prompt, *script]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    @torch.inference_mode()
    def step(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """Return the model's logits with the scripted token above all others."""
        computed = self._model.step(rows)
        for row, logits in zip(rows, computed, strict=True):
            end = row.cache.get_seq_length() + 1
            for place, following in enumerate(self._said[end - len(logits) : end]):
                logits[place, following] = float("inf")
        return computed


def engine_of(model: Any, *, max_streams: int, is_drafting: bool = True) -> Engine:
    """Return an engine whose tokens read as numbers and that keeps no cache."""
    return Engine(
        model,
        decode=lambda ids: "".join(f"{token_id} " for token_id in ids),
        end_ids=frozenset(),
        limits=Limits(max_streams=max_streams, pool_bytes=0, is_drafting=is_drafting),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def random_ids(setting: Setting, draw: random.Random, n_tokens: int) -> list[int]:
    """Return tokens of the model's vocabulary."""
    return [draw.randrange(5, setting.plain.config.vocab_size) for _ in range(n_tokens)]


def measure_limits(setting: Setting) -> tuple[float, float]:
    """Return bytes a second read from memory, and operations a second of a large product."""
    buffer = torch.zeros(BUFFER_BYTES // 4, device=setting.device)
    read = BUFFER_BYTES / setting.best(buffer.sum)
    del buffer
    left = torch.randn(2048, 4096, device=setting.device).to(setting.plain.dtype)
    right = torch.randn(4096, 4096, device=setting.device).to(setting.plain.dtype)
    product = setting.best(lambda: left @ right)
    return read, 2 * 2048 * 4096 * 4096 / product


def twin(plain: PreTrainedModel, quantization: Quantization = "") -> CausalModel:
    """Return the engine's form of an equal model; `plain` stays as transformers made it."""
    model = copy.deepcopy(plain)
    if quantization:
        quantize_linears(model, quantization, head=model.get_output_embeddings())
    else:
        pack_linears(model)
    return CausalModel(model, name="twin")


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def described(device: torch.device) -> str:
    """Return the device's name and the threads it computes with."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


PARTS: dict[str, Callable[[Setting], None]] = {
    "speed": measure_speed,
    "turn": measure_second_turn,
    "many": measure_many,
    "lookup": measure_lookup,
    "peers": measure_peers,
    "quant": measure_quantized,
    "chunks": measure_chunks,
}


def parsed() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=sorted(SHAPES), default="0.5B")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0: as torch chooses")
    parser.add_argument("--prompt-tokens", type=int, default=1024)
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--part", nargs="+", choices=sorted(PARTS), default=list(PARTS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
