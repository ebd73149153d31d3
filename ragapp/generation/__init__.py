"""The engine under `language_models.transformers`: a causal model whose KV cache we own.

    Message* -> chat_prompt -> ids -> request (prefill, decode) -> sampling -> text_stream -> text

`locating` finds the weights on this machine, `budget` tells whether they fit, `loading` loads them,
`packed_linear` and `packed_attention` make them fast, `quantized_linear` small,
`adapters` and `adapted_linear` put LoRA beside them, `causal_model` is one forward pass,
`kv_cache` what it remembers, `session` a sequence with its cache, `pool` the sequences kept for the
next turn, `request` a prompt on its way to an answer, `drafting` what it guesses ahead, `scheduler`
what moves all requests on together within `limits`, and `engine` the line that joins them. Only the
modules that compute import torch.
"""
