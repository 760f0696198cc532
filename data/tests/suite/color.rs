//! Colours, blurs and filters against torchvision, OpenCV and SciPy; `fixtures/color.py` made the numbers.

use std::collections::BTreeMap;

use ocelli_data::augment::{
    Augment, Kernel, KernelFilter, adjust_brightness, adjust_contrast, adjust_gamma, adjust_hue, adjust_saturation,
    adjust_sharpness, autocontrast, box_blur, clahe, equalize, gaussian_blur, grayscale, invert, posterize, solarize,
};
use ocelli_data::{Image, Pixels, SampleRng};
use ocelli_tensor::{Tensor, safetensors};

struct Fixtures(BTreeMap<String, Tensor>);

impl Fixtures {
    fn load() -> Fixtures {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/color.safetensors");
        Fixtures(safetensors::load(path).unwrap())
    }

    fn image(&self, name: &str) -> Image {
        Image::from_tensor(&self.0[name]).unwrap()
    }

    /// Floats agree within 1e-5. Bytes agree but for the few whose float lies at a whole number, from where another order of additions leads to either side.
    fn expect(&self, name: &str, received: &Image) {
        let expected = self.image(name);
        assert_eq!(received.shape(), expected.shape(), "{name}");
        match (received.pixels(), expected.pixels()) {
            (Pixels::U8(a), Pixels::U8(b)) => {
                let apart: Vec<u8> = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).filter(|&d| d > 0).collect();
                assert!(apart.iter().all(|&d| d == 1), "{name}: {apart:?}");
                assert!(apart.len() * 100 <= a.len(), "{name}: {} of {}", apart.len(), a.len());
            }
            (Pixels::F32(a), Pixels::F32(b)) => {
                let most = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(most < 1e-5, "{name}: {most}");
            }
            _ => panic!("{name}: another kind of pixels"),
        }
    }
}

#[test]
fn colors_are_torchvisions() {
    let fixtures = Fixtures::load();
    for key in ["color.u8", "color.f32", "gray.u8", "gray.f32"] {
        let image = || fixtures.image(key);
        let expect = |what: &str, received: &Image| fixtures.expect(&format!("{key}.{what}"), received);
        for factor in ["0.0", "0.4", "1.8"] {
            let f: f64 = factor.parse().unwrap();
            expect(&format!("brightness.{factor}"), &adjust_brightness(image(), f).unwrap());
            expect(&format!("contrast.{factor}"), &adjust_contrast(image(), f).unwrap());
            expect(&format!("saturation.{factor}"), &adjust_saturation(image(), f).unwrap());
            expect(&format!("sharpness.{factor}"), &adjust_sharpness(image(), f).unwrap());
        }
        for turn in ["-0.5", "-0.12", "0.3"] {
            expect(&format!("hue.{turn}"), &adjust_hue(image(), turn.parse().unwrap()).unwrap());
        }
        for (name, gamma, gain) in [("0.5.1.0", 0.5, 1.0), ("2.2.1.0", 2.2, 1.0), ("1.5.1.7", 1.5, 1.7)] {
            expect(&format!("gamma.{name}"), &adjust_gamma(image(), gamma, gain).unwrap());
        }
        for bits in [1, 3, 7] {
            expect(&format!("posterize.{bits}"), &posterize(image(), bits).unwrap());
        }
        let half = if key.ends_with("u8") { 128.0 } else { 0.5 };
        expect("solarize", &solarize(image(), half).unwrap());
        expect("invert", &invert(image()));
        expect("autocontrast", &autocontrast(image()));
        expect("equalize", &equalize(image()));
        if key.starts_with("color") {
            expect("grayscale", &grayscale(image()));
        }
        expect("gaussian_blur.3x3", &gaussian_blur(image(), [3, 3], [0.8, 0.8]).unwrap());
        expect("gaussian_blur.5x9", &gaussian_blur(image(), [5, 9], [0.7, 2.5]).unwrap());
    }
}

#[test]
fn clahe_is_opencvs() {
    let fixtures = Fixtures::load();
    for (limit, tiles) in [(4.0, [8, 8]), (0.0, [2, 4]), (1.5, [5, 8]), (40.0, [10, 16])] {
        let name = format!("large.u8.clahe.{limit:?}.{}x{}", tiles[0], tiles[1]);
        let received = clahe(fixtures.image("large.u8"), limit, tiles).unwrap();
        assert_eq!(received, fixtures.image(&name), "{name}");
    }
    // The lightness by OpenCV, the colours by its formulas.
    fixtures.expect("color.u8.clahe", &clahe(fixtures.image("color.u8"), 2.0, [3, 4]).unwrap());
}

#[test]
fn filters_are_opencvs() {
    let fixtures = Fixtures::load();
    let color = || fixtures.image("color.u8");
    for (height, width) in [(3, 3), (5, 1), (1, 7)] {
        let received = box_blur(color(), [height, width]).unwrap();
        fixtures.expect(&format!("color.u8.box_blur.{height}x{width}"), &received);
    }
    let rng = &mut SampleRng::new(0, 0, 0);
    for (name, kernel) in [
        ("gray.u8.sobel", Kernel::Sobel),
        ("gray.u8.scharr", Kernel::Scharr),
        ("color.u8.sharpen", Kernel::Sharpen),
        ("color.u8.emboss", Kernel::Emboss),
        ("color.u8.edge", Kernel::Edge),
    ] {
        let input = fixtures.image(&name[..name.rfind('.').unwrap()]);
        let received = KernelFilter { kernel }.apply_image(input, rng).unwrap();
        assert_eq!(received, fixtures.image(name), "{name}");
    }
}
