//! One plan, many threads.

use crate::common::{self, conv, trained_norm};
use ocelli_infer::Plan;
use ocelli_nn::{AdaptiveAvgPool2d, Flatten, Linear, ReLU, Sequential};
use ocelli_tensor::{Generator, Tensor};

#[test]
fn threads_get_the_numbers_of_one() {
    let mut g = Generator::new(0);
    let model = Sequential::new()
        .add(conv(3, 16, 3, &mut g))
        .add(trained_norm(16, &mut g))
        .add(ReLU)
        .add(conv(16, 24, 3, &mut g))
        .add(AdaptiveAvgPool2d::new([2, 2]))
        .add(Flatten::new())
        .add(Linear::new(96, 10, &mut g).unwrap());
    let plan = Plan::compile(&model, &common::random(&[1, 3, 24, 24], &mut g)).unwrap();
    let inputs: Vec<Tensor> = (0..24).map(|i| common::random(&[1 + i % 3, 3, 24, 24], &mut g)).collect();
    let run = |input: &Tensor| plan.run(std::slice::from_ref(input)).unwrap()[0].to_vec::<f32>().unwrap();
    let serial: Vec<Vec<f32>> = inputs.iter().map(run).collect();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let (inputs, serial) = (&inputs, &serial);
            scope.spawn(move || {
                for round in 0..inputs.len() {
                    let i = (round * 7 + worker * 5) % inputs.len();
                    assert_eq!(run(&inputs[i]), serial[i], "input {i} on thread {worker}");
                }
            });
        }
    });
}
