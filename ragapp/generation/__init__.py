"""The engine under `language_models.transformers`: a causal model whose KV cache we own.

    Message* -> chat_prompt -> ids -> session (prefill, decode) -> sampling -> text_stream -> text

`locating` and `loading` find the weights on this machine and load them, `causal_model` is one
forward pass, `kv_cache` what it remembers, `session` a sequence with its cache, `pool` the
sequences kept for the next turn, and `engine` the line that joins them. Only the modules that
compute import torch.
"""
