"""Settings: arguments > `RAGAPP_*` > `ragapp.toml` > defaults. Unknown keys are errors.

Read at the edge (`ragapp.bootstrap`, the command line) and passed on as plain values.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from ragapp.errors import SettingsError
from ragapp.types import GenerationOptions

PREFIX = "RAGAPP_"
DEFAULT_BASE_URL = "http://localhost:8000/v1"
CONFIG_VARIABLE = "RAGAPP_CONFIG"
CONFIG_NAME = "ragapp.toml"
Policy = Literal["off", "flag", "mask", "skip"]


def default_collection() -> Path:
    """Return the per-user folder in which the collection lies unless told otherwise."""
    return user_data_path("ragapp", appauthor=False) / "collection"


class Settings(BaseSettings):
    """All settings of ragapp. Every field is also `RAGAPP_<NAME>` and a key of `ragapp.toml`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    collection: Path = Field(default_factory=default_collection)
    embedder: str = "all-MiniLM-L6-v2"
    engine: Literal["auto", "extractive", "openai", "transformers"] = "auto"
    model: str = ""
    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    server_timeout_s: float = Field(default=120.0, gt=0.0)
    context_tokens: int = Field(default=0, ge=0)
    adapter: str = ""
    adapters: Path | None = None
    device: str = "auto"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantization: Literal["", "int8", "int4"] = ""
    index: Literal["faiss", "numpy_flat"] = "faiss"
    chunk_tokens: int = Field(default=512, ge=16, le=8192)
    overlap_tokens: int = Field(default=64, ge=0, le=4096)
    ocr: Literal["auto", "off"] = "auto"
    near_duplicates: Literal["link", "skip", "keep"] = "link"
    near_duplicate_bits: int = Field(default=12, ge=0, le=16)
    policy_personal_data: Policy = "off"
    policy_secrets: Policy = "off"
    policy_word_list: Policy = "off"
    policy_word_list_file: Path | None = None
    policy_languages: str = ""
    policy_junk: Literal["off", "flag", "skip"] = "off"
    top_k: int = Field(default=5, ge=1, le=100)
    n_candidates: int = Field(default=100, ge=1, le=1000)
    reranker: str = ""
    rerank_candidates: int = Field(default=20, ge=1, le=1000)
    max_per_document: int = Field(default=0, ge=0)
    diversity: float = Field(default=0.0, ge=0.0, le=1.0)
    template: str = "qa"
    rewrite: Literal["off", "model"] = "off"
    passage_tokens: int = Field(default=2048, ge=64)
    history_tokens: int = Field(default=1024, ge=0)
    entailment: str = ""
    unsupported: Literal["mark", "drop", "refuse"] = "mark"
    abstain_below: float = Field(default=0.35, ge=0.0, le=1.0)
    max_new_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    sampling_top_k: int = Field(default=0, ge=0)
    min_p: float = Field(default=0.0, ge=0.0, le=1.0)
    repetition_penalty: float = Field(default=1.0, gt=0.0, le=10.0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    stop: Annotated[tuple[str, ...], NoDecode] = ()
    answer_timeout_s: float = Field(default=0.0, ge=0.0)
    chunk_cache: Literal["off", "memory", "disk"] = "off"
    chunk_cache_mb: int = Field(default=512, ge=1)
    chunk_recompute: float = Field(default=0.08, ge=0.0, le=1.0)

    @field_validator("stop", mode="before")
    @classmethod
    def _read_stop(cls, value: Any) -> Any:
        """Take one string as it is, and several as a JSON list, which variables can hold."""
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.startswith("[") else (value,) if value else ()

    @model_validator(mode="after")
    def _check_chunk_sizes(self) -> Settings:
        if self.overlap_tokens >= self.chunk_tokens:
            raise ValueError(
                f"overlap_tokens = {self.overlap_tokens} must be below "
                f"chunk_tokens = {self.chunk_tokens}"
            )
        return self

    @property
    def engine_name(self) -> str:
        """The engine to use: "auto" means openai where a server is set, else transformers where a
        model is, else extractive.
        """
        if self.engine != "auto":
            return self.engine
        if self.base_url:
            return "openai"
        return "transformers" if self.model else "extractive"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the strongest first."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, toml_file=config_path()),
        )


def config_path() -> Path:
    """Return the configuration file: `RAGAPP_CONFIG`, else `ragapp.toml` in the working folder."""
    return Path(os.environ.get(CONFIG_VARIABLE, CONFIG_NAME))


def generation_options(settings: Settings, *, adapter: str) -> GenerationOptions:
    """Return how the settings want an answer decoded, by this adapter."""
    return GenerationOptions(
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
        top_k=settings.sampling_top_k,
        min_p=settings.min_p,
        repetition_penalty=settings.repetition_penalty,
        seed=settings.seed,
        stop=settings.stop,
        timeout_s=settings.answer_timeout_s or None,
        adapter=adapter,
    )


def load_settings(**overrides: Any) -> Settings:
    """Return the settings in force; an override of None counts as not given.

    Raises SettingsError for a value out of range, an unknown key, an unknown `RAGAPP_*` variable
    or a configuration file that cannot be read.
    """
    _check_environment()
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise _translated(error) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{config_path()}: {error}", hint="mend or remove the file") from error


def _check_environment() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    unknown = sorted(
        name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known
    )
    if unknown:
        raise SettingsError(
            f"unknown setting {unknown[0]!r} in the environment",
            hint=f"known: {', '.join(sorted(known))}",
        )
    if CONFIG_VARIABLE in os.environ and not config_path().is_file():
        raise SettingsError(f"{CONFIG_VARIABLE} = {str(config_path())!r} is not a file")


def _translated(error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = ", ".join(sorted(Settings.model_fields))
        return SettingsError(f"unknown setting {name!r}", hint=f"known: {known}")
    reason = first["msg"].removeprefix("Value error, ")
    if not name:
        return SettingsError(reason)
    return SettingsError(f"{name} = {first['input']!r}: {reason}")
