//! Which objects are left when a part of a picture is lost.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Which objects stay after a change by which a part of the picture is lost. Boxes are cut off at the edge of the picture first; objects whose
/// mask has no pixel any more always go. The default is torchvision's `SanitizeBoundingBoxes`: a side below one pixel is too little.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Width and height of the box, in pixels, are at least this.
    pub min_side: f64,
    /// The area of the box, in square pixels, is at least this.
    pub min_area: f64,
    /// The part of the moved box that lies inside the picture is at least this, from 0 to 1.
    pub min_visible: f64,
}

impl Default for Keep {
    fn default() -> Self {
        Keep { min_side: 1.0, min_area: 1.0, min_visible: 0.0 }
    }
}

impl Keep {
    /// All objects, also those that lie outside of the picture, whose box is then an empty one at its edge.
    pub const ALL: Keep = Keep { min_side: 0.0, min_area: 0.0, min_visible: 0.0 };

    /// `Err` unless no number is negative or NaN, and the visible part at most 1.
    pub(crate) fn check(&self) -> Result<()> {
        let least = [self.min_side, self.min_area].iter().all(|x| x.is_finite() && *x >= 0.0);
        if least && (0.0..=1.0).contains(&self.min_visible) {
            return Ok(());
        }
        let message =
            format!("expected a side and an area of at least 0 and a visible part in 0..=1, received {self:?}");
        Err(Error::argument("keep", message))
    }
}
