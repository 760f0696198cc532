// The keys of i64: pairs (low word, high word) without sign that order as they do.

alias X = vec2<u32>;
alias K = vec2<u32>;

fn key_of(x: vec2<u32>) -> K { return vec2(x.x, x.y ^ 0x80000000u); }

fn key_is_less(a: K, b: K) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }
