// A running sum of f32.

alias X = f32;
alias Running = f32;

fn nothing() -> Running { return 0.0; }
fn running(x: X) -> Running { return x; }
fn joined(a: Running, b: Running) -> Running { return a + b; }
fn result_of(x: Running) -> X { return x; }
