//! Colour spaces, in which light, shadow and highlights change colours differently.

use crate::picture::Picture;

/// A colour space in which [`SelectiveSearch`](super::SelectiveSearch) compares regions. All channels are brought to `0..=1`, so that a scale of the
/// segmentation means the same in each; pictures are sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColorSpace {
    /// Red, green, blue.
    Rgb,
    /// Hue (a part of the full turn), saturation, value.
    Hsv,
    /// CIE L\*a\*b\* with the white D65: L / 100, (a + 128) / 255, (b + 128) / 255.
    Lab,
    /// Normalized red and green (of red + green + blue), and the intensity.
    Rgi,
    /// The hue of [`ColorSpace::Hsv`] alone.
    Hue,
    /// The mean of red, green and blue.
    Intensity,
}

impl ColorSpace {
    /// How many channels it has.
    pub(super) fn channels(self) -> usize {
        match self {
            ColorSpace::Hue | ColorSpace::Intensity => 1,
            _ => 3,
        }
    }

    /// The picture's channels in this space, one after the other.
    pub(super) fn convert(self, picture: &Picture) -> Vec<f64> {
        let [red, green, blue] = picture.rgb();
        let pixels = picture.pixels();
        let mut out = vec![0.0; self.channels() * pixels];
        for (i, ((&r, &g), &b)) in red.iter().zip(green).zip(blue).enumerate() {
            // What lies outside of 0..1 is no colour.
            let color = self.of([r, g, b].map(|x| f64::from(x.clamp(0.0, 1.0))));
            out.iter_mut().skip(i).step_by(pixels).zip(color).for_each(|(out, x)| *out = x);
        }
        out
    }

    fn of(self, rgb: [f64; 3]) -> [f64; 3] {
        match self {
            ColorSpace::Rgb => rgb,
            ColorSpace::Hsv | ColorSpace::Hue => hsv(rgb),
            ColorSpace::Lab => {
                let [l, a, b] = lab(rgb);
                [l / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0]
            }
            ColorSpace::Rgi => {
                let sum: f64 = rgb.iter().sum();
                // Black has no colour: the middle.
                let part = |x: f64| if sum > 0.0 { x / sum } else { 1.0 / 3.0 };
                [part(rgb[0]), part(rgb[1]), sum / 3.0]
            }
            ColorSpace::Intensity => [rgb.iter().sum::<f64>() / 3.0; 3],
        }
    }
}

fn hsv([r, g, b]: [f64; 3]) -> [f64; 3] {
    let value = r.max(g).max(b);
    let span = value - r.min(g).min(b);
    if span == 0.0 {
        return [0.0, 0.0, value];
    }
    let sixths = if b == value {
        4.0 + (r - g) / span
    } else if g == value {
        2.0 + (b - r) / span
    } else {
        (g - b) / span
    };
    [(sixths / 6.0).rem_euclid(1.0), span / value, value]
}

fn lab(rgb: [f64; 3]) -> [f64; 3] {
    // sRGB to CIE XYZ, relative to the white D65 of the 2° observer.
    const XYZ: [[f64; 3]; 3] =
        [[0.412_453, 0.357_580, 0.180_423], [0.212_671, 0.715_160, 0.072_169], [0.019_334, 0.119_193, 0.950_227]];
    const WHITE: [f64; 3] = [0.950_47, 1.0, 1.088_83];
    let linear = rgb.map(|x| if x > 0.040_45 { ((x + 0.055) / 1.055).powf(2.4) } else { x / 12.92 });
    let [x, y, z] = [0, 1, 2].map(|i: usize| {
        let t = XYZ[i].iter().zip(linear).map(|(a, b)| a * b).sum::<f64>() / WHITE[i];
        if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-image 0.26's `rgb2hsv` and `rgb2lab`.
    #[test]
    fn colours_are_scikit_images() {
        let close = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        let color = [0.2, 0.6, 0.4];
        assert!(close(hsv(color), [0.416_667, 0.666_667, 0.6]), "{:?}", hsv(color));
        assert!(close(hsv([0.9, 0.1, 0.3]), [0.958_333, 0.888_889, 0.9]));
        assert!(close(lab(color), [56.529_752, -41.509_685, 18.452_668]), "{:?}", lab(color));
        assert_eq!(hsv([0.5; 3]), [0.0, 0.0, 0.5]);
        assert_eq!(ColorSpace::Rgi.of([0.0; 3]), [1.0 / 3.0, 1.0 / 3.0, 0.0]);
    }
}
