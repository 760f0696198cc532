//! Lighter, darker, flatter, harder, paler: a picture mixed with black, with its mean, with its greys.

use super::values::{brightness_of, down, map_colors, map_pixels, mean_brightness};
use crate::{Error, Image, Result};

/// Multiplies all colours by a factor; the result stays between black and white. As torchvision's function of the name: bytes are rounded down.
///
/// # Errors
/// [`Error::Argument`] for a negative factor.
pub fn adjust_brightness(image: Image, factor: f64) -> Result<Image> {
    check("adjust brightness", factor)?;
    let (white, factor) = (image.white(), factor as f32);
    Ok(map_colors(image, down, |_, x| (x * factor).clamp(0.0, white)))
}

/// Multiplies the distance of all colours from the picture's mean brightness by a factor; the result stays between black and white. As torchvision's
/// function of the name: bytes are rounded down.
///
/// # Errors
/// As [`adjust_brightness`].
pub fn adjust_contrast(image: Image, factor: f64) -> Result<Image> {
    check("adjust contrast", factor)?;
    let white = image.white();
    let mean = mean_brightness(&image);
    let (factor, rest) = (factor as f32, (1.0 - factor) as f32);
    Ok(map_colors(image, down, |_, x| mean.mul_add(rest, x * factor).clamp(0.0, white)))
}

/// Multiplies the distance of all colours from the grey of the same brightness by a factor; the result stays between black and white. As torchvision's
/// function of the name: bytes are rounded down. Grey pictures stay as they are.
///
/// # Errors
/// As [`adjust_brightness`].
pub fn adjust_saturation(image: Image, factor: f64) -> Result<Image> {
    check("adjust saturation", factor)?;
    let white = image.white();
    let brightness = brightness_of(&image);
    let (factor, rest) = (factor as f32, (1.0 - factor) as f32);
    Ok(map_pixels(image, down, |rgb| {
        let gray = brightness(rgb);
        rgb.map(|x| gray.mul_add(rest, x * factor).clamp(0.0, white))
    }))
}

fn check(op: &'static str, factor: f64) -> Result<()> {
    if factor.is_finite() && factor >= 0.0 {
        return Ok(());
    }
    Err(Error::argument(op, format!("expected a factor of at least 0, received {factor}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let image = Image::from_u8([1, 4, 1], vec![0, 100, 200, 100]).unwrap();
        let expected = |pixels: [u8; 4]| Image::from_u8([1, 4, 1], pixels.to_vec()).unwrap();
        assert_eq!(adjust_brightness(image.clone(), 1.5).unwrap(), expected([0, 150, 255, 150]));
        assert_eq!(adjust_contrast(image.clone(), 0.5).unwrap(), expected([50, 100, 150, 100]));
        assert_eq!(adjust_contrast(image.clone(), 2.0).unwrap(), expected([0, 100, 255, 100]));
        assert_eq!(adjust_saturation(image.clone(), 2.0).unwrap(), image);
        let gray = Image::from_u8([1, 1, 3], vec![7, 7, 7]).unwrap();
        // 0.2989 + 0.587 + 0.114 is a little less than 1.
        assert_eq!(adjust_saturation(gray, 0.0).unwrap(), Image::from_u8([1, 1, 3], vec![6; 3]).unwrap());
        let nothing = Image::from_u8([0, 0, 3], vec![]).unwrap();
        assert_eq!(adjust_contrast(nothing.clone(), 2.0).unwrap(), nothing);
        for change in [adjust_brightness, adjust_contrast, adjust_saturation] {
            for factor in [-0.1, f64::NAN, f64::INFINITY] {
                assert!(change(image.clone(), factor).is_err());
            }
        }
    }
}
