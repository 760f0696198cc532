//! A hundred thousand random calls with whatever numbers and shapes of what makes and codes boxes: each gives a result or an error, none
//! panics.

use ocelli_autograd::Var;
use ocelli_tensor::{DType, Generator, Tensor};
use ocelli_vision::ops::anchors::{AnchorGenerator, DefaultBoxGenerator, YoloPriors, kmeans_anchors};
use ocelli_vision::ops::coders::{BoxCoder, YoloV1Coder, YoloV2Coder};
use ocelli_vision::ops::roi::{LevelMapper, PsRoiAlign, PsRoiPool, RoiAlign, RoiPool, rois_from_boxes};
use ocelli_vision::ops::{BalancedPositiveNegativeSampler, CenterSampling, LowQuality, Matcher, hard_negative_mining};

/// SplitMix64 (Steele et al. 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % count
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn number(&mut self) -> f64 {
        const ODD: &[f64] = &[0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, -1e30, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        if self.below(12) == 0 { self.pick(ODD) } else { self.below(4000) as f64 / 100.0 - 8.0 }
    }

    /// Mostly of the expected width and rank, mostly floats.
    pub(crate) fn tensor(&mut self, width: usize) -> Tensor {
        let rows = self.below(4) as usize;
        let width = if self.below(20) == 0 { self.below(6) as usize } else { width };
        let numbers = (0..rows * width).map(|_| self.number()).collect();
        let x = Tensor::from_vec(numbers, [rows, width]).unwrap();
        let x = if self.below(30) == 0 { x.reshape([rows * width]).unwrap() } else { x };
        const DTYPES: &[DType] = &[DType::F32, DType::F32, DType::F64, DType::F64, DType::F16, DType::BF16, DType::I64];
        x.to_dtype(self.pick(DTYPES)).unwrap()
    }

    /// Regions that often name an image that is there.
    fn regions(&mut self) -> Tensor {
        let boxes = [self.tensor(4), self.tensor(4)];
        match rois_from_boxes(&boxes) {
            Ok(regions) if self.below(10) > 0 => regions,
            _ => self.tensor(5),
        }
    }

    pub(crate) fn sizes(&mut self) -> [usize; 2] {
        [self.below(4) as usize, self.below(4) as usize]
    }
}

#[test]
fn nothing_panics() {
    let mut random = Random(1);
    let mut generator = Generator::new(1);
    let (mut accepted, calls) = (0, 100_000);
    for call in 0..calls {
        let (r, scale) = (&mut random, [0.1, 1.0, 0.5][call % 3]);
        let channels = r.pick(&[0, 1, 4, 12]);
        let map = [2, channels, 1 + r.below(5) as usize, 1 + r.below(5) as usize];
        let leaf = || Var::leaf(Tensor::ones(map, DType::F32).unwrap()).unwrap();
        let bins = r.sizes();
        let ratio = r.below(4) as usize;
        let passes = |y: ocelli_vision::Result<Var>, x: &Var| match y {
            Ok(y) => y.sum(..).unwrap().backward().unwrap().get(x).is_ok(),
            Err(_) => false,
        };
        accepted += usize::from(match call % 14 {
            0 => {
                let (x, aligned) = (leaf(), r.below(2) == 0);
                let align = RoiAlign { output_size: bins, spatial_scale: scale, sampling_ratio: ratio, aligned };
                passes(align.forward(&x, &r.regions()), &x)
            }
            1 => {
                let x = leaf();
                let align = PsRoiAlign { sampling_ratio: ratio, ..PsRoiAlign::new(bins, scale) };
                passes(align.forward(&x, &r.regions()), &x)
            }
            2 => {
                let x = leaf();
                passes(RoiPool::new(bins, scale).forward(&x, &r.regions()), &x)
            }
            3 => {
                let x = leaf();
                passes(PsRoiPool::new(bins, scale).forward(&x, &r.regions()), &x)
            }
            4 => BoxCoder::new([1.0; 4]).unwrap().encode(&r.tensor(4), &r.tensor(4)).is_ok(),
            5 => {
                let width = r.pick(&[4, 8]);
                let (codes, boxes) = (Var::from(r.tensor(width)), r.tensor(4));
                BoxCoder::with_variances([0.1, 0.1, 0.2, 0.2]).unwrap().decode(&codes, &boxes).is_ok()
            }
            6 => {
                let coder = YoloV2Coder::new([8.0, 16.0]).unwrap();
                let (a, b) = (r.tensor(4), r.tensor(4));
                coder.encode(&a, &b).is_ok() | coder.decode(&Var::from(a), &b).is_ok()
            }
            7 => match YoloV1Coder::new(r.sizes(), [30, 40]) {
                Ok(coder) => {
                    let cells = Tensor::from_vec(vec![r.below(12) as i64 - 2; 2], [2]).unwrap();
                    coder.encode(&r.tensor(4)).is_ok() | coder.decode(&Var::from(r.tensor(4)), &cells).is_ok()
                }
                Err(_) => false,
            },
            8 => match Matcher::new(r.number(), r.number()) {
                Ok(matcher) => {
                    let low_quality = r.pick(&[LowQuality::Drop, LowQuality::Keep, LowQuality::Force]);
                    matcher.low_quality(low_quality).matches(&r.tensor(5)).is_ok()
                }
                Err(_) => false,
            },
            9 => {
                let loss = r.tensor(5);
                let mask = r.tensor(5).gt(3.0).unwrap();
                hard_negative_mining(&loss, &mask, r.number()).is_ok()
            }
            10 => match BalancedPositiveNegativeSampler::new(r.below(6) as usize, r.number() / 20.0) {
                Ok(sampler) => sampler.sample(&r.tensor(6).flatten(0, -1).unwrap(), &mut generator).is_ok(),
                Err(_) => false,
            },
            11 => {
                let (anchors, boxes) = (r.tensor(4), r.tensor(4));
                let levels = [r.below(3) as usize, r.below(2) as usize];
                let sampled = CenterSampling::new(1.5).unwrap().matches(&anchors, &levels, &boxes);
                LevelMapper::new(2, 5).unwrap().levels(&boxes).is_ok() & sampled.is_ok()
            }
            12 => kmeans_anchors(&r.tensor(2), r.below(4) as usize, 20, &mut generator).is_ok(),
            _ => {
                let numbers: Vec<f64> = (0..r.below(3)).map(|_| r.number()).collect();
                let priors = numbers.iter().map(|&x| [x, x + 1.0]).collect();
                let maps = [r.sizes()];
                let picture = [r.below(9) as usize, r.below(9) as usize];
                let anchors = AnchorGenerator::new(std::slice::from_ref(&numbers), &[vec![0.5, 1.0]]);
                let default_boxes = DefaultBoxGenerator::new(std::slice::from_ref(&numbers));
                let results = [
                    anchors.and_then(|anchors| anchors.generate(picture, &maps)),
                    default_boxes.and_then(|boxes| boxes.generate(picture, &maps)),
                    YoloPriors::new(&[priors]).and_then(|priors| priors.generate(picture, &maps)),
                ];
                results.iter().any(|result| result.is_ok())
            }
        });
    }
    // Neither is everything refused, nor nothing.
    assert!((calls / 10..calls * 9 / 10).contains(&accepted), "{accepted} of {calls}");
}
