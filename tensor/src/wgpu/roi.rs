//! Regions of interest: means and greatest elements of bins, and the gradient of the means.
//!
//! What bins read is found as for the CPU, and goes up as a table for some regions at once. Of maps larger than what a kernel sees,
//! images and channels are seen apart; one channel of one image (with a plane for each bin, where bins have planes) has to be seen whole.

use super::elementwise::ROUNDING;
use super::windows::in_parts;
use super::{Grid, Kernel, Memory, Program, Stored};
use crate::cpu::roi::{Axis, Maps, Pixels, Pooling, Region, Taps};
use crate::layout::Layout;
use crate::{DType, Result, Shape, Tensor};

const BINS: &str = include_str!("shaders/roi.wgsl");
static MEAN: Kernel = Kernel { name: "roi mean", files: &[BINS, include_str!("shaders/roi_mean.wgsl")] };
static MAX: Kernel = Kernel { name: "roi max", files: &[ROUNDING, BINS, include_str!("shaders/roi_max.wgsl")] };
static MEAN_BACKWARD: Kernel =
    Kernel { name: "roi mean backward", files: &[include_str!("shaders/roi_mean_backward.wgsl")] };

/// Invocations of a workgroup.
const GROUP: usize = 64;
/// Rounds of an invocation's loops, at most: some adapters stop shaders of more than 65,535.
const ROUNDS: usize = 1 << 15;
/// Regions that are worked on at once, at most, and words of their table, about: bounds on memory.
const MOST_REGIONS: usize = 1024;
const MOST_WORDS: usize = 1 << 22;
/// Words of an entry of `roi_mean_backward.wgsl`.
const ENTRY: usize = 5;

/// A table as the kernels read it.
struct Reads {
    table: Vec<u32>,
    /// Where entries begin in it (of the gradient).
    entries: usize,
    /// Of what is gone through along each axis, the most.
    most: [usize; 2],
}

/// The means over the bins of boxes `image, x1, y1, x2, y2`, on these axes of rows and columns.
pub(crate) fn mean(x: &Tensor, maps: &Maps, axes: &[Axis<f32>; 2], boxes: &[[f32; 5]]) -> Result<Tensor> {
    let reads = |boxes: &[[f32; 5]]| weighted(&Region::all(boxes, axes));
    let bins = [axes[0].bins, axes[1].bins];
    // What goes on with a sum goes on with all of its digits.
    let [y] = forward(&MEAN, x, maps, bins, [DType::F32], boxes, &reads)?;
    y.to_dtype(x.dtype())
}

/// The greatest element of each bin of boxes `image, x1, y1, x2, y2`, and its place as `i32`.
pub(crate) fn max(x: &Tensor, pooling: &Pooling<f32>, boxes: &[[f32; 5]]) -> Result<[Tensor; 2]> {
    let reads = |boxes: &[[f32; 5]]| pixels(boxes, pooling);
    forward(&MAX, x, &pooling.maps, pooling.bins, [x.dtype(), DType::I32], boxes, &reads)
}

/// One element of each result (of these dtypes) for each bin and channel.
fn forward<const R: usize>(
    kernel: &'static Kernel,
    x: &Tensor,
    maps: &Maps,
    bins: [usize; 2],
    dtypes: [DType; R],
    boxes: &[[f32; 5]],
    reads: &dyn Fn(&[[f32; 5]]) -> Reads,
) -> Result<[Tensor; R]> {
    let ([high, wide], [height, width], images) = (bins, maps.size, x.shape()[0]);
    let x = x.reshape([images, maps.channels, maps.planes, height, width])?;
    in_parts([&x], &[1], &|[x]| {
        let x = x.permute([0, 2, 3, 4, 1])?.contiguous()?;
        let (context, channels) = (x.memory().context(), x.shape()[4]);
        let mut results = Vec::with_capacity(R);
        for dtype in dtypes {
            results.push(Tensor::empty_on_wgpu(&x, [boxes.len(), high, wide, channels], dtype)?);
        }
        let types =
            [("R", Stored::of(dtypes[0], context.has_f16())?), ("A", Stored::of(x.dtype(), context.has_f16())?)];
        let program = Program { kernel, types: &types, sizes: &[], constants: &[] };
        let mut left = if results[0].numel() == 0 { &[][..] } else { boxes };
        let mut most = most_regions(maps.size, bins);
        while !left.is_empty() {
            let first = boxes.len() - left.len();
            let mut parts = Vec::with_capacity(R);
            for result in &results {
                parts.push(result.narrow(0, first, most.min(left.len()))?);
            }
            let count = parts[0].shape()[0];
            let reads = reads(&left[..count]);
            let table = context.upload(bytemuck::cast_slice(&reads.table))?;
            if count > 1 && !(table.is_visible() && parts.iter().all(|part| part.memory().is_visible())) {
                most = count / 2;
                continue;
            }
            let writes: Vec<&Memory> = parts.iter().map(Tensor::memory).collect();
            for (first_image, x) in windows_of(&x)? {
                for (first, most) in steps(reads.most) {
                    let places_offset = parts.get(1).map_or(0, |places| places.layout().offset);
                    let params = [
                        [parts[0].numel(), 0, channels, maps.planes],
                        [high, wide, height, width],
                        [x.layout().offset, parts[0].layout().offset, first_image, x.shape()[0]],
                        [first[0], first[1], most[0], most[1]],
                        [places_offset, 0, 0, 0],
                    ];
                    let params = params.as_flattened().iter().map(|&x| x as u32).collect::<Vec<u32>>();
                    let grid = Grid::of(parts[0].numel(), GROUP);
                    context.run(program, &params, &writes, &[x.memory(), &table], grid)?;
                }
            }
            left = &left[count..];
        }
        let layout = Layout::channels_last([boxes.len(), channels, high, wide].into());
        Ok(std::array::from_fn(|i| results[i].with_layout(layout.clone())))
    })
}

/// The gradient of [`mean`] at maps of this shape.
pub(crate) fn mean_backward(
    dy: &Tensor,
    maps: &Maps,
    axes: &[Axis<f32>; 2],
    boxes: &[[f32; 5]],
    shape: &Shape,
) -> Result<Tensor> {
    let (images, planes, bins, [height, width]) = (shape[0], maps.planes, [axes[0].bins, axes[1].bins], maps.size);
    let [dx] = in_parts([dy], &[1], &|[dy]| {
        let dy = dy.permute([0, 2, 3, 1])?.contiguous()?;
        let (context, channels) = (dy.memory().context(), dy.shape()[3]);
        let shape = [images, planes, height, width, channels];
        if dy.numel() == 0 {
            return Ok([Tensor::full_on(dy.device(), shape, 0, DType::F32)?.permute([0, 4, 1, 2, 3])?]);
        }
        let dx = Tensor::empty_on_wgpu(&dy, shape, DType::F32)?;
        let types = [("A", Stored::of(dy.dtype(), context.has_f16())?)];
        let program = Program { kernel: &MEAN_BACKWARD, types: &types, sizes: &[], constants: &[] };
        let (mut left, mut most) = (boxes, most_regions(maps.size, bins));
        while !left.is_empty() {
            let first = boxes.len() - left.len();
            let part = dy.narrow(0, first, most.min(left.len()))?;
            let count = part.shape()[0];
            let reads = readers(&Region::all(&left[..count], axes), maps, images, bins[0]);
            let table = context.upload(bytemuck::cast_slice(&reads.table))?;
            if count > 1 && !(table.is_visible() && part.memory().is_visible()) {
                most = count / 2;
                continue;
            }
            for (first_image, dx) in windows_of(&dx)? {
                for (number, (begin, most)) in steps(reads.most).enumerate() {
                    let params = [
                        [dx.numel(), 0, channels, planes],
                        [bins[0], bins[1], height, width],
                        [part.layout().offset, dx.layout().offset, first_image, reads.entries],
                        [begin[0], begin[1], most[0], most[1]],
                        [usize::from(first + number > 0), 0, 0, 0],
                    ];
                    let params = params.as_flattened().iter().map(|&x| x as u32).collect::<Vec<u32>>();
                    let grid = Grid::of(dx.numel(), GROUP);
                    context.run(program, &params, &[dx.memory()], &[part.memory(), &table], grid)?;
                }
            }
            left = &left[count..];
        }
        Ok([dx.permute([0, 4, 1, 2, 3])?])
    })?;
    let dx = dx.reshape(shape)?.to_dtype(dy.dtype())?;
    if planes == 1 { dx.to_channels_last() } else { Ok(dx) }
}

/// Regions whose table has no more words than it should.
fn most_regions(size: [usize; 2], bins: [usize; 2]) -> usize {
    // Of each axis its places, and two for each bin, as bins share what lies between them; up to eight words for each.
    let places = size.into_iter().chain(bins).chain(bins).fold(0, usize::saturating_add);
    (MOST_WORDS / places.saturating_mul(8).max(1)).clamp(1, MOST_REGIONS)
}

/// Images (along the first axis), as many at once as a kernel sees, with the number of the first.
fn windows_of(x: &Tensor) -> Result<Vec<(usize, Tensor)>> {
    let images = x.shape()[0];
    let mut most = images;
    while most > 1 && !x.narrow(0, 0, most)?.memory().is_visible() {
        most = most.div_ceil(2);
    }
    (0..images).step_by(most.max(1)).map(|first| Ok((first, x.narrow(0, first, most.min(images - first))?))).collect()
}

/// Where the parts begin along two nested axes, in row-major order, and how long they are at most, so that none has too many rounds.
/// There is one part at least.
fn steps([rows, columns]: [usize; 2]) -> impl Iterator<Item = ([usize; 2], [usize; 2])> {
    let across = columns.clamp(1, ROUNDS / 2);
    // One row, if that is cut: else the order would not be row-major.
    let down = ROUNDS / (across + 1);
    let starts = |size: usize, step: usize| (0..size.max(1)).step_by(step);
    starts(rows, down).flat_map(move |r| starts(columns, across).map(move |c| ([r, c], [down, across])))
}

/// What the bins of regions read, with weights, as `roi_mean.wgsl` has it.
fn weighted(regions: &[Region<f32>]) -> Reads {
    let bins = |region: &Region<f32>| region.rows.bins() + region.columns.bins();
    let mut table = vec![0; regions.iter().map(|region| 1 + 2 * bins(region)).sum()];
    let (mut entry, mut most) = (0, [0; 2]);
    for region in regions {
        table[entry] = region.image as u32;
        entry += 1;
        for (taps, most) in [&region.rows, &region.columns].into_iter().zip(&mut most) {
            for bin in 0..taps.bins() {
                let start = table.len();
                table.extend(reads_of(taps, bin).flat_map(|(place, weight)| [place as u32, weight.to_bits()]));
                let count = (table.len() - start) / 2;
                (table[entry], table[entry + 1]) = (start as u32, count as u32);
                *most = count.max(*most);
                entry += 2;
            }
        }
    }
    Reads { table, entries: 0, most }
}

/// The places that a bin reads, with weights.
fn reads_of(taps: &Taps<f32>, bin: usize) -> impl Iterator<Item = (usize, f32)> {
    let (slots, weights) = taps.bin(bin);
    taps.places()[slots].iter().copied().zip(weights.iter().copied())
}

/// The pixels of the bins of boxes, as `roi_max.wgsl` has it.
fn pixels(boxes: &[[f32; 5]], &Pooling { maps, bins, scale }: &Pooling<f32>) -> Reads {
    let (mut table, mut most) = (Vec::with_capacity(boxes.len() * (1 + 2 * (bins[0] + bins[1]))), [0; 2]);
    for &[image, x1, y1, x2, y2] in boxes {
        table.push(image as u32);
        for (axis, ends) in [[y1, y2], [x1, x2]].into_iter().enumerate() {
            let pixels = Pixels::new(ends, scale, 1.0, bins[axis], maps.size[axis]);
            for bin in 0..bins[axis] {
                let range = pixels.bin(bin);
                table.extend([range.start as u32, range.len() as u32]);
                most[axis] = range.len().max(most[axis]);
            }
        }
    }
    Reads { table, entries: 0, most }
}

/// What reads each row and each column of maps, as `roi_mean_backward.wgsl` has it. Regions have so many rows of bins.
fn readers(regions: &[Region<f32>], maps: &Maps, images: usize, high: usize) -> Reads {
    let lists = if maps.planes > 1 { high } else { 1 };
    let list_of = |region: &Region<f32>, row: usize, place: usize| {
        (region.image * maps.size[0] + place) * lists + if lists > 1 { row } else { 0 }
    };
    let count = images * maps.size[0] * lists;
    let mut table = vec![0; count + 1];
    for region in regions {
        for row in 0..high {
            reads_of(&region.rows, row).for_each(|(place, _)| table[list_of(region, row, place) + 1] += 1);
        }
    }
    let mut most = [table.iter().copied().max().unwrap_or(0) as usize, 0];
    for list in 0..count {
        table[list + 1] += table[list];
    }
    let (mut ends, entries) = (table[..count].to_vec(), table.len());
    table.resize(entries + ENTRY * table[count] as usize, 0);
    for (number, region) in regions.iter().enumerate() {
        let columns = readers_of_columns(&region.columns, &mut table, &mut most[1]);
        for row in 0..high {
            for (place, weight) in reads_of(&region.rows, row) {
                let end = &mut ends[list_of(region, row, place)];
                let at = entries + ENTRY * *end as usize;
                *end += 1;
                table[at] = (number * high + row) as u32;
                table[at + 1] = weight.to_bits();
                table[at + 2..at + ENTRY].copy_from_slice(&columns);
            }
        }
    }
    Reads { table, entries, most }
}

/// Appends what reads each column of a region to the table. Where that begins, the first column, and how many there are from there on.
fn readers_of_columns(columns: &Taps<f32>, table: &mut Vec<u32>, most: &mut usize) -> [u32; 3] {
    let (Some(&first), Some(&last)) = (columns.places().first(), columns.places().last()) else { return [0; 3] };
    let (start, count) = (table.len(), last - first + 1);
    let mut readers = vec![0; count];
    for bin in 0..columns.bins() {
        reads_of(columns, bin).for_each(|(place, _)| readers[place - first] += 1);
    }
    *most = readers.iter().copied().max().unwrap_or(0).max(*most);
    let mut end = start + count + 1;
    table.push(end as u32);
    for readers in &mut readers {
        let begin = end;
        end += 2 * *readers;
        table.push(end as u32);
        *readers = begin;
    }
    table.resize(end, 0);
    for bin in 0..columns.bins() {
        for (place, weight) in reads_of(columns, bin) {
            let at = readers[place - first];
            readers[place - first] += 2;
            (table[at], table[at + 1]) = (bin as u32, weight.to_bits());
        }
    }
    [start, first, count].map(|x| x as u32)
}
