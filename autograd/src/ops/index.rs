//! Reading and writing by index: gather, scatter, index-select, masks.
