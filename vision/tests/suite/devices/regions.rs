//! Regions of interest, pyramids, masks and keypoints on a graphics adapter.

use super::{adapter, odd, random, same, solid, with_gradients};
use crate::common::{assert_close, fixture};
use ocelli_autograd::Var;
use ocelli_tensor::{DType, Device, Tensor};
use ocelli_vision::Result;
use ocelli_vision::ops;
use ocelli_vision::ops::keypoints::{
    AffinityTargets, HeatmapTargets, PeakFinder, PeopleAssembler, Refinement, heatmap_argmax, heatmap_peaks,
    line_integral,
};
use ocelli_vision::ops::roi::{
    LevelMapper, MultiScaleRoiAlign, PsRoiAlign, PsRoiPool, RoiAlign, RoiPool, rois_from_boxes,
};

#[test]
fn regions_are_torchvisions_there_too() {
    let fixture = fixture("roi");
    let align = |ratio: usize, aligned: bool| {
        let output_size = if ratio == 5 { [4, 5] } else { [3, 2] };
        RoiAlign { output_size, spatial_scale: 0.5, sampling_ratio: ratio, aligned }
    };
    let ps_align = |sampling_ratio: usize| PsRoiAlign { sampling_ratio, ..PsRoiAlign::new([3, 2], 0.5) };
    type Forward = Box<dyn Fn(&Var, &Tensor) -> Result<Var>>;
    let aligned = |ratio, centred| -> Forward { Box::new(move |x, rois| align(ratio, centred).forward(x, rois)) };
    let sensitive = |ratio| -> Forward { Box::new(move |x, rois| ps_align(ratio).forward(x, rois)) };
    let cases: Vec<(&str, Forward)> = vec![
        ("align.2", aligned(2, false)),
        ("align.2.aligned", aligned(2, true)),
        ("align.0", aligned(0, false)),
        ("align.0.aligned", aligned(0, true)),
        ("align.5", aligned(5, false)),
        ("pool", Box::new(|x, rois| RoiPool::new([3, 2], 0.5).forward(x, rois))),
        ("ps_align.2", sensitive(2)),
        ("ps_align.0", sensitive(0)),
        ("ps_pool", Box::new(|x, rois| PsRoiPool::new([3, 2], 0.5).forward(x, rois))),
    ];
    let [maps, rois] = ["maps", "regions"].map(|name| fixture[name].to_dtype(DType::F32).unwrap());
    for (name, forward) in cases {
        same(name, &[&maps, &rois], 1e-5, &|x| {
            let maps = Var::leaf(x[0].clone())?;
            with_gradients(&forward(&maps, &x[1])?, &[&maps])
        });
        let Some(device) = adapter() else { return };
        // torchvision divides 0 by 0 for a bin without samples.
        let expected = &fixture[&format!("{name}.f32")];
        let expected = expected.masked_fill(&expected.is_nan().unwrap(), 0.0).unwrap();
        let there = Var::from(maps.to_device(device).unwrap());
        let actual = forward(&there, &rois.to_device(device).unwrap()).unwrap();
        assert_close(&actual.tensor().to_device(Device::Cpu).unwrap(), &expected, 1e-5, 1e-5, name);
        assert!(forward(&there, &rois).unwrap_err().to_string().contains("device"));
    }
}

#[test]
fn pyramids_are_the_cpus() {
    let fixture = fixture("roi");
    let boxes = &fixture["pyramid.boxes"];
    let maps: Vec<&Tensor> = (0..4).map(|i| &fixture[&format!("pyramid.{i}")]).collect();
    let lists = [boxes.narrow(0, 0, 25).unwrap(), boxes.narrow(0, 25, 15).unwrap()];
    let inputs = [maps, lists.iter().collect()].concat();
    let align = MultiScaleRoiAlign { canonical_scale: 56.0, ..MultiScaleRoiAlign::new([2, 2], 2) };
    same("pyramid", &inputs, 1e-5, &|x| {
        let maps = x[..4].iter().map(|x| Var::leaf(x.clone())).collect::<std::result::Result<Vec<Var>, _>>()?;
        let y = align.forward(&maps, &x[4..], &[[120, 128], [100, 128]])?;
        let mut results = with_gradients(&y, &maps.iter().collect::<Vec<&Var>>())?;
        results.push(rois_from_boxes(&x[4..])?);
        Ok(results)
    });
    let Some(device) = adapter() else { return };
    let mapper = LevelMapper::new(2, 5).unwrap().canonical(56.0, 4).unwrap();
    let wrong = odd(20, 1);
    for boxes in [boxes, &wrong] {
        assert_eq!(mapper.levels(&boxes.to_device(device).unwrap()).unwrap(), mapper.levels(boxes).unwrap());
    }
    let one = Var::from(inputs[0].to_device(device).unwrap());
    assert!(align.forward(&[one], &lists, &[[120, 128], [100, 128]]).is_err());
}

#[test]
fn masks_are_the_cpus() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        let (masks, boxes) = (random(&[6, 1, 7, 7], 1).to_dtype(dtype).unwrap(), solid(6, 2).to_dtype(dtype).unwrap());
        same("paste", &[&masks, &boxes], 0.0, &|x| Ok(vec![ops::paste_masks_in_image(&x[0], &x[1], [50, 60], 1)?]));
    }
    let Some(device) = adapter() else { return };
    let masks = random(&[3, 9, 8], 3).gt(0.5).unwrap();
    let codes = ops::encode_masks(&masks.to_device(device).unwrap()).unwrap();
    assert_eq!(codes, ops::encode_masks(&masks).unwrap());
    assert_eq!(ops::decode_masks(&codes, [9, 8]).unwrap().device(), Device::Cpu);
}

#[test]
fn keypoints_are_the_cpus() {
    let people = Tensor::new([
        [[4.0f32, 4.0, 1.0], [24.0, 24.0, 2.0], [9.0, 30.0, 0.0]],
        [[24.0, 4.0, 1.0], [4.0, 24.0, 1.0], [20.0, 9.0, 1.0]],
    ])
    .unwrap();
    let (size, limbs) = ([32, 32], vec![[0, 1], [1, 2]]);
    let fields = AffinityTargets { size, width: 1.0, limbs: limbs.clone() };
    same("targets", &[&people], 0.0, &|x| {
        Ok(vec![HeatmapTargets::new(size, 1.5).encode(&x[0])?, fields.encode(&x[0])?])
    });
    // Equal values and NaN among them.
    let maps = random(&[2, 3, 9, 11], 1).mul(6.0).unwrap().round().unwrap();
    let maps = maps.masked_fill(&random(&[2, 3, 9, 11], 2).gt(0.9).unwrap(), f64::NAN).unwrap();
    for refinement in [Refinement::None, Refinement::Quarter, Refinement::Quadratic, Refinement::LogQuadratic] {
        for dtype in [DType::F32, DType::F16] {
            same("highest places", &[&maps.to_dtype(dtype).unwrap()], 0.0, &|x| {
                let (places, values) = heatmap_argmax(&x[0], refinement)?;
                Ok(vec![places, values])
            });
        }
    }
    let ends = [0, 1].map(|k| people.narrow(1, k, 1).unwrap().narrow(2, 0, 2).unwrap().reshape([2, 2]).unwrap());
    let field = fields.encode(&people).unwrap();
    same("line integrals", &[&field.narrow(0, 0, 2).unwrap(), &ends[0], &ends[1]], 0.0, &|x| {
        Ok(vec![line_integral(&x[0], &x[1], &x[2], 10)?])
    });
    let Some(device) = adapter() else { return };
    let heat = HeatmapTargets::new(size, 1.5).encode(&people).unwrap();
    let assembler = PeopleAssembler { tree: 2, limbs, min_keypoints: 2, ..PeopleAssembler::default() };
    let found = [Device::Cpu, device].map(|device| {
        let peaks = heatmap_peaks(&heat.to_device(device).unwrap(), &PeakFinder::default()).unwrap();
        let people = assembler.assemble(&peaks, &field.to_device(device).unwrap()).unwrap();
        (peaks, people)
    });
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0].1.len(), 2);
}
