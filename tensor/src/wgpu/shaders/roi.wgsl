// Bins of regions of interest over feature maps, for the kernels that make an element of the result from what a bin reads.
//
// Maps lie as [images, planes, height, width, channels], with a plane for each bin in position-sensitive forms and one plane otherwise;
// results as [regions, rows of bins, columns of bins, channels]. So invocations side by side read numbers that lie side by side.
//
// What a bin reads is the product of what it reads along each axis. That is found on the CPU, for all channels at once: regions are looked at
// there anyway, as they have to be of images that there are; and on which side of a pixel a sample falls depends on the last digit, which
// shaders may round otherwise. The table begins, for each region, with its image and two words for each row and each column of
// bins: where what they read begins, and how much that is.
//
// A bin that reads more than an invocation may go through is made in parts, in row-major order: each goes on with what the one before has
// left in the result.

struct Params {
    count: u32,
    // Invocations in a row of workgroups.
    row: u32,
    channels: u32,
    planes: u32,
    // Rows and columns: of bins, and of the maps.
    bins: vec2<u32>,
    size: vec2<u32>,
    offset: u32,
    out_offset: u32,
    // The first image that is seen, and how many are.
    first_image: u32,
    images: u32,
    // The part of what a bin reads along each axis: where it begins, and how long it is at most.
    first: vec2<u32>,
    most: vec2<u32>,
    places_offset: u32,
}

@group(0) @binding(0) var<uniform> p: Params;

// What an element of the result is made of.
struct Bin {
    // Whether its image is seen.
    inside: bool,
    // Where its channel of its plane begins.
    start: u32,
    rows: Reads,
    columns: Reads,
}

// Where what is read along an axis begins, and the part of it that is this kernel's.
struct Reads {
    start: u32,
    first: u32,
    end: u32,
}

fn reads(entry: u32, axis: u32) -> Reads {
    let count = table[entry + 1u];
    let first = min(count, p.first[axis]);
    return Reads(table[entry], first, min(count, first + p.most[axis]));
}

fn bin_of(i: u32) -> Bin {
    let channel = i % p.channels;
    let bin = i / p.channels % (p.bins.x * p.bins.y);
    let region = i / p.channels / (p.bins.x * p.bins.y) * (1u + 2u * (p.bins.x + p.bins.y));
    // An image before the first one becomes a very large number.
    let image = table[region] - p.first_image;
    let plane = image * p.planes + select(0u, bin, p.planes > 1u);
    let rows = region + 1u + 2u * (bin / p.bins.y);
    let columns = region + 1u + 2u * (p.bins.x + bin % p.bins.y);
    let start = p.offset + plane * p.size.x * p.size.y * p.channels + channel;
    return Bin(image < p.images, start, reads(rows, 0u), reads(columns, 1u));
}

// Whether a part of the bins has been made before.
fn goes_on() -> bool { return p.first.x > 0u || p.first.y > 0u; }
