// The keys of i32, u8 and bool: unsigned integers that order as they do.

alias X = i32;
alias K = u32;

fn key_of(x: i32) -> K { return bitcast<u32>(x) ^ 0x80000000u; }

fn key_is_less(a: K, b: K) -> bool { return a < b; }
