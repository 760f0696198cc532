//! IDX files, whole and broken.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ocelli_data::{Dataset, Error, idx, mnist};
use ocelli_tensor::DType;

fn file(magic: u32, shape: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_be_bytes().to_vec();
    shape.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(elements);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn images(count: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..count * 6).map(|x| x as u8).collect();
    file(idx::IMAGES_MAGIC, &[count, 2, 3], &pixels)
}

fn error(bytes: &[u8]) -> String {
    idx::parse_images("digits.idx", bytes).err().map(|error| error.to_string()).expect("an error")
}

#[test]
fn every_element_type() {
    for (kind, bytes, dtype, expected) in [
        (0x08, vec![1, 255], DType::U8, [1.0, 255.0]),
        (0x09, vec![1, 255], DType::I32, [1.0, -1.0]),
        (0x0B, vec![1, 0, 255, 254], DType::I32, [256.0, -2.0]),
        (0x0C, vec![0, 1, 0, 0, 255, 255, 255, 255], DType::I32, [65536.0, -1.0]),
        (0x0D, [0.5f32.to_be_bytes(), (-2.0f32).to_be_bytes()].concat(), DType::F32, [0.5, -2.0]),
        (0x0E, [0.5f64.to_be_bytes(), (-2.0f64).to_be_bytes()].concat(), DType::F64, [0.5, -2.0]),
    ] {
        let bytes = file(kind << 8 | 2, &[1, 2], &bytes);
        for bytes in [gzip(&bytes), bytes] {
            let x = idx::parse("x", &bytes).unwrap();
            assert_eq!((x.dtype(), &x.shape()[..]), (dtype, &[1, 2][..]));
            let values = x.to_dtype(DType::F64).unwrap().to_vec::<f64>().unwrap();
            assert_eq!(values, expected);
        }
    }
    // A scalar, and a data set of nothing.
    let scalar = idx::parse("x", &file(0x800, &[], &[7])).unwrap();
    assert_eq!((scalar.rank(), scalar.item::<i64>().unwrap()), (0, 7));
    let none = idx::parse_images("x", &images(0)).unwrap();
    assert_eq!(none.shape()[..], [0, 2, 3]);
}

#[test]
fn cut_short() {
    let whole = images(4);
    for length in [0, 3, 4, 15, 16, whole.len() - 1] {
        let text = error(&whole[..length]);
        assert!(text.starts_with("digits.idx: "), "{text}");
    }
    let packed = gzip(&whole);
    for length in [2, 10, 12, packed.len() / 2, packed.len() - 8, packed.len() - 1] {
        let text = error(&packed[..length]);
        assert!(text.starts_with("digits.idx: "), "{text}");
    }
    // The elements end early inside a stream that is whole itself.
    let text = error(&gzip(&whole[..whole.len() - 3]));
    assert!(text.contains("expected 24 bytes behind it, received 21"), "{text}");
}

#[test]
fn other_content() {
    let text = error(&file(idx::LABELS_MAGIC, &[1], &[0]));
    assert!(text.contains("(magic 0x00000803), received magic 0x00000801"), "{text}");
    let text = idx::parse("x", b"\x89PNG rest").err().unwrap().to_string();
    assert!(text.contains("received magic 0x89504e47"), "{text}");
    assert!(idx::parse("x", &file(0x0A01, &[1], &[0])).is_err());
    let mut broken = gzip(&images(4));
    let middle = broken.len() - 6;
    broken[middle] ^= 0x55;
    let text = error(&broken);
    assert!(text.contains("expected a whole gzip stream"), "{text}");
}

#[test]
fn trailing_bytes() {
    let mut long = images(2);
    long.push(0);
    for bytes in [gzip(&long), long] {
        let text = error(&bytes);
        assert!(text.contains("expected the end after 12 bytes, received more"), "{text}");
    }
    let mut garbage = gzip(&images(2));
    garbage.extend(b"garbage");
    assert!(error(&garbage).contains("expected a whole gzip stream"));
}

#[test]
fn a_header_that_claims_too_much_reserves_nothing() {
    let many = file(idx::IMAGES_MAGIC, &[u32::MAX, 28, 28], &[0; 100]);
    for bytes in [gzip(&many), many] {
        let text = error(&bytes);
        assert!(text.contains("[4294967295, 28, 28]: expected 3367254359280 bytes"), "{text}");
    }
    let all = file(idx::IMAGES_MAGIC, &[u32::MAX; 3], &[0; 100]);
    assert!(error(&all).contains("more bytes than there can be"));
    let empty = error(&file(idx::IMAGES_MAGIC, &[0, u32::MAX, u32::MAX], &[]));
    assert!(empty.starts_with("digits.idx: its header says"), "{empty}");
    let deep = file(0x08FF, &[u32::MAX; 255], &[]);
    assert!(idx::parse("x", &deep).is_err());
}

#[test]
fn labels_are_checked() {
    let labels = |labels: &[u8]| file(idx::LABELS_MAGIC, &[labels.len() as u32], labels);
    assert_eq!(idx::parse_labels("l", &labels(&[0, 9]), 10).unwrap(), [0, 9]);
    let text = idx::parse_labels("l.idx", &labels(&[3, 10, 11]), 10).unwrap_err();
    assert_eq!(text.to_string(), "l.idx: expected labels in 0..10, received 10 at place 1");
}

/// Writes a small data set; `None` leaves a file out.
fn directory(parts: [Option<&[u8]>; 4]) -> tempfile::TempDir {
    let names = [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte",
    ];
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in names.iter().zip(parts) {
        if let Some(bytes) = bytes {
            let packed = name.ends_with("gz").then(|| gzip(bytes));
            let bytes = packed.as_deref().unwrap_or(bytes);
            std::fs::write(directory.path().join(name), bytes).unwrap();
        }
    }
    directory
}

fn directory_error(path: &Path) -> Error {
    mnist::from_directory(path).err().expect("an error")
}

#[test]
fn directories() {
    let (three, two) = (images(3), images(2));
    let three_labels = file(idx::LABELS_MAGIC, &[3], &[7, 8, 9]);
    let two_labels = file(idx::LABELS_MAGIC, &[2], &[1, 0]);
    let whole = [&three[..], &three_labels, &two, &two_labels].map(Some);
    let good = directory(whole);
    let (train, test) = mnist::from_directory(good.path()).unwrap();
    assert_eq!((train.len(), test.len()), (3, 2));
    assert_eq!((train.labels(), train.name()), (&[7, 8, 9][..], "mnist"));
    let (image, label) = test.get(1).unwrap();
    assert_eq!((image.shape(), label), ([2, 3, 1], 0));
    let pixels = image.to_tensor().unwrap().to_vec::<u8>().unwrap();
    assert_eq!(pixels, [6, 7, 8, 9, 10, 11]);
    assert!(test.get(2).is_err());

    let mut parts = whole;
    parts[3] = None;
    let text = directory_error(directory(parts).path()).to_string();
    assert!(text.contains("t10k-labels-idx1-ubyte: expected this file"), "{text}");

    parts[3] = Some(&three_labels);
    let text = directory_error(directory(parts).path()).to_string();
    assert!(text.contains("t10k-labels-idx1-ubyte: expected one label for each of the 2 images"), "{text}");
    assert!(text.contains("t10k-images-idx3-ubyte.gz, received 3 labels"), "{text}");

    let wrong = file(idx::LABELS_MAGIC, &[2], &[1, 10]);
    parts[3] = Some(&wrong);
    let text = directory_error(directory(parts).path()).to_string();
    assert!(text.contains("t10k-labels-idx1-ubyte: expected labels in 0..10, received 10"), "{text}");
}

#[test]
fn directories_that_cannot_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("absent");
    let error = directory_error(&absent);
    assert!(matches!(&error, Error::Io { path, .. } if *path == absent), "{error}");
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "no directory").unwrap();
    let error = directory_error(&plain);
    assert!(matches!(&error, Error::Io { path, .. } if *path == plain), "{error}");
    // A directory in the place of a file.
    std::fs::create_dir(directory.path().join("train-images-idx3-ubyte")).unwrap();
    std::fs::write(directory.path().join("train-labels-idx1-ubyte"), "").unwrap();
    let text = directory_error(directory.path()).to_string();
    assert!(text.contains("train-images-idx3-ubyte: "), "{text}");
}

#[cfg(unix)]
#[test]
fn a_directory_without_permission() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let closed = directory.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser may read it all the same; then its files are absent. Either way the error names the directory.
    let text = directory_error(&closed).to_string();
    assert!(text.contains("closed"), "{text}");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
}
