//! Several tensors as one, or one several times: concat, stack, repeat, tile.
