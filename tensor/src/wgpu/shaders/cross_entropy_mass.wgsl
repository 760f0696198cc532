// The sum of the targets of all classes at each position, by its class; 0 where that is negative. Series here are of one element.

@group(0) @binding(1) var<storage, read_write> out: array<R>;
@group(0) @binding(2) var<storage, read> classes: array<i32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;

@compute @workgroup_size(LANES * WAYS)
fn main(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_index) own: u32) {
    let place = place_of(id, own);
    if !place.inside { return; }
    let label = classes[p.classes + place.series];
    var mass = 0.0;
    if label >= 0 { mass = mass_of(u32(label)); }
    // The result stands for the logits, which nobody looks at.
    out[p.x + place.series] = R(rounded(RESULT, mass));
}
