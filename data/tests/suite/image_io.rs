//! Files of pictures against Pillow; `fixtures/geometry.py` made them.

use std::collections::BTreeMap;

use ocelli_data::image_io::{self, ColorMode, Decoder};
use ocelli_data::{Image, Pixels};
use ocelli_tensor::{Tensor, safetensors};

fn fixtures() -> BTreeMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pictures.safetensors");
    safetensors::load(path).unwrap()
}

fn file(fixtures: &BTreeMap<String, Tensor>, name: &str) -> Vec<u8> {
    fixtures[&format!("{name}.file")].to_vec().unwrap()
}

/// What Pillow reads: `[height, width, channels]`.
fn expected(fixtures: &BTreeMap<String, Tensor>, name: &str) -> Image {
    Image::from_tensor(&fixtures[&format!("{name}.pixels")].permute([2, 0, 1]).unwrap()).unwrap()
}

fn bytes(image: &Image) -> &[u8] {
    match image.pixels() {
        Pixels::U8(pixels) => pixels,
        Pixels::F32(_) => panic!("files hold bytes"),
    }
}

#[test]
fn lossless_files_are_pillows() {
    let fixtures = fixtures();
    let names = ["rgb.png", "rgb.bmp", "rgb.ppm", "rgb.webp", "palette.png", "bilevel.png", "sixteen.png", "pixel.png"];
    for name in names {
        let image = Decoder::default().decode(name, &file(&fixtures, name)).unwrap();
        assert_eq!(image, expected(&fixtures, name), "{name}");
    }
    let gray = Decoder { mode: ColorMode::Gray, ..Decoder::default() };
    assert_eq!(gray.decode("x", &file(&fixtures, "rgb.png")).unwrap(), expected(&fixtures, "gray"));
    let rgba = Decoder { mode: ColorMode::Rgba, ..Decoder::default() };
    let image = rgba.decode("x", &file(&fixtures, "sixteen.png")).unwrap();
    assert_eq!(image.channels(), 4);
    assert!(bytes(&image).chunks(4).all(|pixel| pixel[0] == pixel[1] && pixel[3] == 255));
}

/// Decoders differ in how they round the cosine transform and the colours.
#[test]
fn jpeg_files_are_nearly_pillows() {
    let fixtures = fixtures();
    for (name, most) in [("rgb.jpg", 3), ("gray.jpg", 2), ("cmyk.jpg", 3)] {
        let image = Decoder::default().decode(name, &file(&fixtures, name)).unwrap();
        let expected = expected(&fixtures, name);
        assert_eq!(image.shape(), expected.shape(), "{name}");
        let difference = bytes(&image).iter().zip(bytes(&expected)).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(difference.is_some_and(|difference| difference <= most), "{name}: {difference:?}");
    }
}

#[test]
fn pictures_are_turned_as_exif_says() {
    let fixtures = fixtures();
    for orientation in 1..=8 {
        let name = format!("orientation{orientation}.png");
        let data = file(&fixtures, &name);
        assert_eq!(Decoder::default().decode(&name, &data).unwrap(), expected(&fixtures, &name), "{name}");
        let plain = Decoder { orient: false, ..Decoder::default() }.decode(&name, &data).unwrap();
        assert_eq!(plain, expected(&fixtures, "rgb.png"));
    }
}

#[test]
fn animations() {
    let fixtures = fixtures();
    let decoder = Decoder { mode: ColorMode::Rgb, ..Decoder::default() };
    for name in ["moving.gif", "moving.png", "moving.webp"] {
        let data = file(&fixtures, name);
        let frames = decoder.animation(name, &data).unwrap().frames;
        assert_eq!(frames.len(), 3, "{name}");
        let all: Vec<u8> = frames.iter().flat_map(|frame| bytes(frame).to_vec()).collect();
        // WebP's frames lose 1 by each that is laid over the first.
        for (i, (a, b)) in all.iter().zip(bytes(&expected(&fixtures, name))).enumerate() {
            let most = if name == "moving.webp" { i / (9 * 14 * 3) } else { 0 };
            assert!(usize::from(a.abs_diff(*b)) <= most, "{name}: {a} and {b} at {i}");
        }
        assert_eq!(decoder.decode(name, &data).unwrap(), frames[0], "{name}");
        let small = Decoder { max_pixels: 2 * 9 * 14, ..decoder };
        let text = small.animation(name, &data).unwrap_err().to_string();
        assert!(text.contains(name) && text.contains("in 3 frames"), "{text}");
    }
    assert_eq!(decoder.animation("rgb.png", &file(&fixtures, "rgb.png")).unwrap().frames.len(), 1);
}

#[test]
fn cut_files_are_errors_or_whole() {
    let fixtures = fixtures();
    for name in fixtures.keys().filter_map(|key| key.strip_suffix(".file")) {
        let data = file(&fixtures, name);
        let whole = Decoder::default().decode(name, &data).unwrap();
        for length in (0..data.len()).step_by(data.len() / 16 + 1) {
            let cut = &data[..length];
            match Decoder::default().decode(name, cut) {
                Err(error) => assert!(error.to_string().starts_with(&format!("{name}: expected")), "{error}"),
                // What is missing may stand behind the last pixel, or be a later frame.
                Ok(image) => assert_eq!(image, whole, "{name} of {length} bytes"),
            }
            // No panic, whatever the bytes.
            let _ = Decoder::default().animation(name, cut);
        }
    }
}

#[test]
fn claimed_sizes_are_checked_first() {
    let fixtures = fixtures();
    let decoder = Decoder { max_pixels: 9 * 14 - 1, ..Decoder::default() };
    for name in ["rgb.png", "rgb.bmp", "rgb.ppm", "rgb.webp", "moving.gif"] {
        let text = decoder.decode(name, &file(&fixtures, name)).unwrap_err().to_string();
        assert!(text.contains("1 to 125 pixels, received 9x14"), "{text}");
    }
    // A picture of 65,535 by 65,535 pixels in a few bytes.
    let bomb = b"P6 65535 65535 255 ";
    let text = Decoder::default().decode("bomb.ppm", bomb).unwrap_err().to_string();
    assert!(text.contains("bomb.ppm: ") && text.contains("received 65535x65535"), "{text}");
}

/// Headers that claim 65,535 (or, in WebP, 16,383) pixels a side, or 20,000, before the data of a small picture.
#[test]
fn bombs_are_refused() {
    let fixtures = fixtures();
    let refused = |name: &str, bytes: &[u8], side: usize| {
        for text in [
            Decoder::default().decode(name, bytes).unwrap_err().to_string(),
            Decoder::default().animation(name, bytes).unwrap_err().to_string(),
        ] {
            assert!(text.starts_with(name) && text.contains(&format!("received {side}x{side}")), "{text}");
        }
    };
    let mut png = file(&fixtures, "rgb.png");
    png[16..24].copy_from_slice(&[20_000u32.to_be_bytes(); 2].concat());
    let mut sum = flate2::Crc::new();
    sum.update(&png[12..29]);
    png[29..33].copy_from_slice(&sum.sum().to_be_bytes());
    refused("bomb.png", &png, 20_000);
    // Height and width stand five bytes behind the marker of the frame.
    let mut jpeg = file(&fixtures, "rgb.jpg");
    let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap() + 5;
    jpeg[frame..frame + 4].copy_from_slice(&[0xff; 4]);
    refused("bomb.jpg", &jpeg, 65_535);
    let mut gif = file(&fixtures, "moving.gif");
    gif[6..10].copy_from_slice(&[0xff; 4]);
    refused("bomb.gif", &gif, 65_535);
    let mut bmp = file(&fixtures, "rgb.bmp");
    bmp[18..26].copy_from_slice(&[20_000u32.to_le_bytes(); 2].concat());
    refused("bomb.bmp", &bmp, 20_000);
    // Less one, in 14 bits each.
    let mut webp = file(&fixtures, "rgb.webp");
    let header = webp.windows(4).position(|four| four == b"VP8L").unwrap() + 9;
    let kept = webp[header + 3] & 0xf0;
    webp[header..header + 4].copy_from_slice(&[0xfe, 0xbf, 0xff, 0x0f | kept]);
    refused("bomb.webp", &webp, 16_383);
}

#[test]
fn names_do_not_matter() {
    let fixtures = fixtures();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("really-a-png.jpg");
    std::fs::write(&path, file(&fixtures, "rgb.png")).unwrap();
    let image = Decoder::default().read(&path).unwrap();
    assert_eq!((&image, image.path()), (&expected(&fixtures, "rgb.png"), Some(path.as_path())));
    assert_eq!(image_io::read(&path).unwrap().shape()[..], [3, 9, 14]);
}
