use crate::support::Case;

pub fn cases() -> Vec<Case> {
    vec![]
}
