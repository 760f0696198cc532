//! Colours by lightness and two opponent pairs: CIE L*a*b* (1976) of sRGB, with the white of D65.

/// sRGB to XYZ, divided by the white.
const TO_XYZ: [[f32; 3]; 3] = [
    [0.412_453 / WHITE[0], 0.357_580 / WHITE[0], 0.180_423 / WHITE[0]],
    [0.212_671, 0.715_160, 0.072_169],
    [0.019_334 / WHITE[2], 0.119_193 / WHITE[2], 0.950_227 / WHITE[2]],
];
/// XYZ to sRGB.
const TO_RGB: [[f32; 3]; 3] =
    [[3.240_479, -1.537_15, -0.498_535], [-0.969_256, 1.875_991, 0.041_556], [0.055_648, -0.204_043, 1.057_311]];
const WHITE: [f32; 3] = [0.950_456, 1.0, 1.088_754];

fn product(matrix: &[[f32; 3]; 3], x: [f32; 3]) -> [f32; 3] {
    matrix.map(|row| row[0] * x[0] + row[1] * x[1] + row[2] * x[2])
}

/// A colour's light, of what sRGB stores in 0..1.
pub(super) fn linear(x: f32) -> f32 {
    if x <= 0.040_45 { x / 12.92 } else { ((x + 0.055) / 1.055).powf(2.4) }
}

fn stored(x: f32) -> f32 {
    if x <= 0.003_130_8 { x * 12.92 } else { 1.055 * x.powf(1.0 / 2.4) - 0.055 }
}

/// `[L, a, b]` with L in 0..=100 of a colour's light.
pub(super) fn from_linear(light: [f32; 3]) -> [f32; 3] {
    let [x, y, z] = product(&TO_XYZ, light).map(|t| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// What sRGB stores of a colour, in 0..=1.
pub(super) fn to_rgb([lightness, a, b]: [f32; 3]) -> [f32; 3] {
    let y = (lightness + 16.0) / 116.0;
    let cube = |t: f32| if t > 0.206_893 { t * t * t } else { (t - 16.0 / 116.0) / 7.787 };
    let xyz = [cube(y + a / 500.0) * WHITE[0], cube(y), cube(y - b / 200.0) * WHITE[2]];
    product(&TO_RGB, xyz).map(|x| stored(x.clamp(0.0, 1.0)).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_come_back() {
        for i in 0..1000 {
            let rgb = [i % 10, i / 10 % 10, i / 100].map(|x| x as f32 / 9.0);
            let back = to_rgb(from_linear(rgb.map(linear)));
            assert!(rgb.iter().zip(back).all(|(a, b)| (a - b).abs() < 1e-3), "{rgb:?} {back:?}");
        }
        let [lightness, a, b] = from_linear([1.0; 3]);
        assert!((lightness - 100.0).abs() < 1e-3 && a.abs() < 1e-2 && b.abs() < 1e-2);
        assert!(from_linear([0.0; 3]).iter().all(|x| x.abs() < 1e-3));
    }
}
