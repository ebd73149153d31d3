"""The recipe of the embedded reader: a small causal language model that answers by quoting."""
