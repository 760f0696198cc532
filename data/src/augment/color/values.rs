//! Changes of single values and single pixels.

use ocelli_tensor::kernels::{Loop, vectorized};

use crate::{Image, Pixels, PixelsMut};

/// How many channels are colours: the last of two or four is opacity.
pub(in crate::augment) fn color_channels(image: &Image) -> usize {
    match image.channels() {
        2 => 1,
        4 => 3,
        channels => channels,
    }
}

/// The largest whole number that is not above a value of −2²²..2²². (Processors without an instruction for it call a function for [`f32::floor`].)
#[inline(always)]
pub(super) fn floor(value: f32) -> f32 {
    // Floats of this size have no digits behind the point.
    const WHOLE: f32 = 12_582_912.0;
    let nearest = (value + WHOLE) - WHOLE;
    nearest - if nearest > value { 1.0 } else { 0.0 }
}

/// The byte at or below a value; torchvision's conversion. What lies outside becomes 0 or 255, as does NaN 0.
#[inline(always)]
pub(super) fn down(value: f32) -> u8 {
    // The lowest bits of a float of this size are its units.
    const UNITS: f32 = 8_388_608.0;
    let limited = if value > 0.0 { value } else { 0.0 };
    let limited = if limited < 255.0 { limited } else { 255.0 };
    (floor(limited) + UNITS).to_bits() as u8
}

/// The byte of a value in 0..1 as torchvision converts: 256 steps of (almost) the same width.
#[inline(always)]
pub(super) fn from_unit(value: f32) -> u8 {
    down(value * 255.999)
}

/// Changes every colour by `f(channel, value)`; bytes are of 0..=255 before and become bytes by `to_byte` afterwards.
pub(super) fn map_colors(mut image: Image, to_byte: impl Fn(f32) -> u8, f: impl Fn(usize, f32) -> f32) -> Image {
    let (channels, colors) = (image.channels(), color_channels(&image));
    match image.pixels_mut() {
        PixelsMut::U8(_) => {
            let table = |channel| std::array::from_fn(|value| to_byte(f(channel, value as f32)));
            let tables: Vec<[u8; 256]> = (0..colors).map(table).collect();
            map_bytes(image, &tables)
        }
        PixelsMut::F32(pixels) => {
            vectorized(Floats { pixels, channels, colors, f });
            image
        }
    }
}

/// Changes the first colours of pixels of so many channels.
struct Floats<'a, F> {
    pixels: &'a mut [f32],
    channels: usize,
    colors: usize,
    f: F,
}

impl<F: Fn(usize, f32) -> f32> Loop for Floats<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for pixel in self.pixels.chunks_exact_mut(self.channels) {
            for (channel, x) in pixel[..self.colors].iter_mut().enumerate() {
                *x = (self.f)(channel, *x);
            }
        }
    }
}

/// Replaces the bytes of each colour by those that its table has for them. Pictures of floats stay as they are.
pub(super) fn map_bytes(mut image: Image, tables: &[[u8; 256]]) -> Image {
    fn replace<const CHANNELS: usize, const COLORS: usize>(pixels: &mut [u8], tables: &[[u8; 256]]) {
        let Some(tables) = tables.first_chunk::<COLORS>() else { return };
        for pixel in pixels.as_chunks_mut::<CHANNELS>().0 {
            pixel.iter_mut().zip(tables).for_each(|(x, table)| *x = table[usize::from(*x)]);
        }
    }
    let channels = image.channels();
    if let PixelsMut::U8(pixels) = image.pixels_mut() {
        match channels {
            1 => replace::<1, 1>(pixels, tables),
            2 => replace::<2, 1>(pixels, tables),
            3 => replace::<3, 3>(pixels, tables),
            _ => replace::<4, 3>(pixels, tables),
        }
    }
    image
}

/// Changes every pixel of red, green and blue; pictures without colours stay as they are. Bytes are of 0..=255 before and become bytes
/// by `to_byte` afterwards.
pub(super) fn map_pixels(mut image: Image, to_byte: impl Fn(f32) -> u8, f: impl Fn([f32; 3]) -> [f32; 3]) -> Image {
    let channels = image.channels();
    match (image.pixels_mut(), channels) {
        (PixelsMut::U8(pixels), 3) => {
            vectorized(Blocks::<_, 3, _, _, _> { pixels, read: f32::from, write: to_byte, f })
        }
        (PixelsMut::U8(pixels), 4) => {
            vectorized(Blocks::<_, 4, _, _, _> { pixels, read: f32::from, write: to_byte, f })
        }
        (PixelsMut::F32(pixels), 3) => vectorized(Blocks::<_, 3, _, _, _> { pixels, read: |x| x, write: |x| x, f }),
        (PixelsMut::F32(pixels), 4) => vectorized(Blocks::<_, 4, _, _, _> { pixels, read: |x| x, write: |x| x, f }),
        _ => {}
    }
    image
}

/// How many pixels are taken apart into their colours at once.
const BLOCK: usize = 64;

/// Changes the colours of pixels, those of one kind side by side meanwhile, so that several pixels are worked on by one instruction.
struct Blocks<'a, T, const CHANNELS: usize, R, W, F> {
    pixels: &'a mut [T],
    read: R,
    write: W,
    f: F,
}

impl<T, const CHANNELS: usize, R, W, F> Loop for Blocks<'_, T, CHANNELS, R, W, F>
where
    T: Copy + Default,
    R: Fn(T) -> f32,
    W: Fn(f32) -> T,
    F: Fn([f32; 3]) -> [f32; 3],
{
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Blocks { pixels, read, write, f } = self;
        let mut old = [[0.0f32; BLOCK]; 3];
        let mut new = [[T::default(); BLOCK]; 3];
        for block in pixels.as_chunks_mut::<CHANNELS>().0.chunks_mut(BLOCK) {
            for (i, pixel) in block.iter().enumerate() {
                (0..3).for_each(|color| old[color][i] = read(pixel[color]));
            }
            for i in 0..BLOCK {
                let [r, g, b] = f([old[0][i], old[1][i], old[2][i]]);
                (new[0][i], new[1][i], new[2][i]) = (write(r), write(g), write(b));
            }
            for (i, pixel) in block.iter_mut().enumerate() {
                (0..3).for_each(|color| pixel[color] = new[color][i]);
            }
        }
    }
}

/// The brightness of a colour (ITU-R BT.601, with torchvision's digits). Each sum is rounded once, as torchvision's are: bytes are rounded down, so that the last bit
/// decides where a sum is a whole number.
#[inline(always)]
fn brightness([r, g, b]: [f32; 3]) -> f32 {
    b.mul_add(0.114, g.mul_add(0.587, r * 0.2989))
}

/// As [`brightness`], in whole numbers for bytes.
pub(super) fn brightness_of(image: &Image) -> impl Fn([f32; 3]) -> f32 + use<> {
    let bytes = image.white() == 255.0;
    move |rgb| if bytes { floor(brightness(rgb)) } else { brightness(rgb) }
}

/// The mean brightness of all pixels, in the picture's own units; 0 if there are none.
pub(super) fn mean_brightness(image: &Image) -> f32 {
    let channels = image.channels();
    let sum = match (image.pixels(), channels) {
        (Pixels::U8(pixels), 3) => vectorized(Sum::<_, 3>(pixels)) as f64,
        (Pixels::U8(pixels), 4) => vectorized(Sum::<_, 4>(pixels)) as f64,
        (Pixels::F32(pixels), 3) => vectorized(Sum::<_, 3>(pixels)),
        (Pixels::F32(pixels), 4) => vectorized(Sum::<_, 4>(pixels)),
        (Pixels::U8(pixels), _) => pixels.iter().step_by(channels).map(|&x| f64::from(x)).sum(),
        (Pixels::F32(pixels), _) => pixels.iter().step_by(channels).map(|&x| f64::from(x)).sum(),
    };
    (sum / (image.height() * image.width()).max(1) as f64) as f32
}

/// The sum of the brightness of pixels.
struct Sum<'a, T, const CHANNELS: usize>(&'a [T]);

impl<const CHANNELS: usize> Loop for Sum<'_, u8, CHANNELS> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let of = |pixel: &[u8; CHANNELS]| u32::from(down(brightness([0, 1, 2].map(|color| f32::from(pixel[color])))));
        // So many bytes fit into four of them.
        let blocks = self.0.as_chunks::<CHANNELS>().0.chunks(1 << 16);
        blocks.map(|block| u64::from(block.iter().map(of).sum::<u32>())).sum()
    }
}

impl<const CHANNELS: usize> Loop for Sum<'_, f32, CHANNELS> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        self.0.as_chunks::<CHANNELS>().0.iter().map(|pixel| f64::from(brightness([pixel[0], pixel[1], pixel[2]]))).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_rounded_down() {
        for i in -3000..3000 {
            for value in [i as f32 / 10.0, i as f32, (i as f32).next_up(), (i as f32).next_down()] {
                assert_eq!((floor(value), down(value)), (value.floor(), value as u8), "{value}");
            }
        }
        assert_eq!([f32::NAN, f32::INFINITY, f32::NEG_INFINITY].map(down), [0, 255, 0]);
    }

    #[test]
    fn blocks_do_not_matter() {
        for count in [1, 63, 64, 65, 200] {
            let image = Image::from_u8([1, count, 3], (0..3 * count).map(|i| i as u8).collect()).unwrap();
            let pixels = (0..count).flat_map(|i| [3 * i + 2, 3 * i, 3 * i + 1]).map(|i| i as u8).collect();
            let turned = map_pixels(image, down, |[r, g, b]| [b, r, g]);
            assert_eq!(turned, Image::from_u8([1, count, 3], pixels).unwrap());
        }
    }

    #[test]
    fn opacity_stays() {
        let image = Image::from_u8([1, 2, 4], vec![1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        let plus = |image: Image| map_colors(image, down, |channel, x| x + 10.0 * channel as f32 + 1.0);
        assert_eq!(plus(image.clone()), Image::from_u8([1, 2, 4], vec![2, 13, 24, 4, 6, 17, 28, 8]).unwrap());
        let swap = |image: Image| map_pixels(image, down, |[r, g, b]| [b, g, r]);
        assert_eq!(swap(image), Image::from_u8([1, 2, 4], vec![3, 2, 1, 4, 7, 6, 5, 8]).unwrap());
        let gray = Image::from_f32([1, 2, 2], vec![0.5, 0.25, 1.0, 0.75]).unwrap();
        assert_eq!(swap(gray.clone()), gray);
        assert_eq!(plus(gray), Image::from_f32([1, 2, 2], vec![1.5, 0.25, 2.0, 0.75]).unwrap());
    }
}
