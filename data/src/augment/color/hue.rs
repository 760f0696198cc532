//! Colours turned around the circle of hues.

use super::values::{from_unit, map_pixels};
use crate::{Error, Image, Result};

/// Adds a part of the whole circle to the hue of every pixel, in −0.5..=0.5: a third makes red green. As torchvision's function of the name; grey
/// pictures stay as they are.
///
/// # Errors
/// [`Error::Argument`] for another part.
pub fn adjust_hue(image: Image, turn: f64) -> Result<Image> {
    if !(-0.5..=0.5).contains(&turn) {
        let message = format!("expected a part of the circle in -0.5..=0.5, received {turn}");
        return Err(Error::argument("adjust hue", message));
    }
    let (scale, sixths) = (1.0 / image.white(), 6.0 * turn as f32);
    Ok(map_pixels(image, from_unit, |rgb| turned(rgb.map(|x| x * scale), sixths)))
}

/// A colour in 0..1 with its hue turned by so many sixths, by hue, saturation and value (A. R. Smith, 1978): without a branch, and without a function that regards
/// NaN.
fn turned([r, g, b]: [f32; 3], sixths: f32) -> [f32; 3] {
    let larger = |a: f32, b: f32| if a > b { a } else { b };
    let smaller = |a: f32, b: f32| if a < b { a } else { b };
    let value = larger(larger(r, g), b);
    let range = value - smaller(smaller(r, g), b);
    let divisor = if range == 0.0 { 1.0 } else { range };
    let (from, to, around) = if value == r {
        (b, g, 0.0)
    } else if value == g {
        (r, b, 2.0)
    } else {
        (g, r, 4.0)
    };
    let hue = (to - from) / divisor + around + sixths;
    // It was in −1..=5, and was turned by 3 at most.
    let hue = if hue < 0.0 { hue + 6.0 } else { hue };
    let hue = if hue >= 6.0 { hue - 6.0 } else { hue };
    // Of red, green and blue each is full in the two sixths around its own hue, and falls off in the next to both sides.
    [5.0, 3.0, 1.0].map(|shift| {
        let away = hue + shift;
        let away = if away >= 6.0 { away - 6.0 } else { away };
        let less = larger(0.0, smaller(smaller(away, 4.0 - away), 1.0));
        smaller(larger(value - range * less, 0.0), 1.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_circle_makes_red_green() {
        let third = 1.0 / 3.0;
        let red = Image::from_f32([1, 1, 3], vec![0.8, 0.2, 0.2]).unwrap();
        let green = adjust_hue(red.clone(), third).unwrap().to_f32();
        assert!(green.iter().zip([0.2, 0.8, 0.2]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{green:?}");
        let blue = adjust_hue(red.clone(), -third).unwrap().to_f32();
        assert!(blue.iter().zip([0.2, 0.2, 0.8]).all(|(a, b): (&f32, f32)| (a - b).abs() < 1e-6), "{blue:?}");
        // Every byte of grey comes back.
        let grays = Image::from_u8([16, 16, 3], (0..=255).flat_map(|x| [x; 3]).collect()).unwrap();
        assert_eq!(adjust_hue(grays.clone(), 0.3).unwrap(), grays);
        for turn in [-0.6, 0.51, f64::NAN] {
            assert!(adjust_hue(red.clone(), turn).is_err());
        }
    }
}
